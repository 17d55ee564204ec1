import { fastify } from 'fastify';
import { ANSWER_HEADERS, protectAnswers } from './answer-headers.js';

const app = fastify();
protectAnswers(app);
app.get('/data', () => ({ some: 'data' }));
app.get('/kept', (_request, reply) => reply.header('cache-control', 'public').send('text'));
app.get('/page', (_request, reply) => reply.type('text/html; charset=utf-8').send('<p>'));

const headersOf = async (url: string) => {
  const { headers } = await app.inject(url);
  return Object.fromEntries(
    Object.keys(ANSWER_HEADERS).flatMap((name) => (headers[name] ? [[name, headers[name]]] : [])),
  );
};

it('an answer is protected, also the one that there is nothing', async () => {
  expect(await headersOf('/data')).toEqual(ANSWER_HEADERS);
  expect(await headersOf('/nowhere')).toEqual(ANSWER_HEADERS);
});

it('what an answer says itself holds', async () => {
  expect(await headersOf('/kept')).toEqual({ ...ANSWER_HEADERS, 'cache-control': 'public' });
});

it('a page of a service says itself what it loads', async () => {
  const { 'content-security-policy': policy, ...others } = ANSWER_HEADERS;
  expect(policy).toContain("default-src 'none'");
  expect(await headersOf('/page')).toEqual(others);
});
