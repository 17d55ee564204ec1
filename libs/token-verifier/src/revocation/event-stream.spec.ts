import { readEventStream } from './event-stream.js';

async function* chunks(text: string, size: number) {
  const bytes = Buffer.from(text);
  for (let at = 0; at < bytes.length; at += size) yield bytes.subarray(at, at + size);
}

async function messages(text: string, size = 1_000) {
  const found = [];
  for await (const message of readEventStream(chunks(text, size), 100)) found.push(message);
  return found;
}

it.each([1, 2, 7, 1_000])('reads messages whatever the chunks (%i bytes)', async (size) => {
  const text =
    ': hello\n\nid: 1.1\nevent: revocation\ndata: {"é":1}\n\nevent:end\r\ndata:a\r\ndata: b\r\n\r\ndata: cut';
  expect(await messages(text, size)).toEqual([
    { event: 'revocation', data: '{"é":1}' },
    { event: 'end', data: 'a\nb' },
  ]);
});

it('refuses a message that never ends', async () => {
  await expect(messages('data: xxxxxxxxxx\n'.repeat(20), 10)).rejects.toThrow(RangeError);
});

it('refuses a line that never ends', async () => {
  await expect(messages(`data: ${'x'.repeat(200)}`, 10)).rejects.toThrow(RangeError);
});
