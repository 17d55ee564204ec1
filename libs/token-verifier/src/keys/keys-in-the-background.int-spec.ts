import {
  closeAll,
  first,
  junk,
  outcome,
  publish,
  second,
  setOf,
  startKeyServer,
  until,
  verifierOf,
} from '../../test/key-server.js';

afterEach(closeAll);

describe('in the background', () => {
  const often = { refreshSeconds: 0.1, softSeconds: 900, hardSeconds: 3_600 };

  it('a removed key is noticed, and its tokens are refused, however well they are known', async () => {
    const server = await startKeyServer(first, second);
    const verifier = await verifierOf(server, { keyAges: often });
    const token = server.token(first);
    expect(await outcome(verifier, token)).toBe('accepted');
    expect(await outcome(verifier, token)).toBe('accepted');
    server.answer = publish(second);
    await until(async () => (await outcome(verifier, token)) === 'unknown_key');
    expect(await outcome(verifier, server.token(second))).toBe('accepted');
  });

  it('what has not changed is not sent again, and tokens need not be verified again', async () => {
    const server = await startKeyServer(first);
    const etag = '"one"';
    server.answer = (request, response) => {
      if (request.headers['if-none-match'] === etag) response.writeHead(304).end();
      else response.writeHead(200, { etag }).end(setOf(first));
    };
    const verifier = await verifierOf(server, { keyAges: often });
    const token = server.token(first);
    await verifier.verify(token);
    await until(() => (verifier.state().keys.fetches?.unchanged ?? 0) >= 3);
    expect(server.asked.map((headers) => headers['if-none-match']).slice(0, 3)).toEqual([
      undefined,
      etag,
      etag,
    ]);
    await verifier.verify(token);
    expect(verifier.state().signatures).toMatchObject({ recalled: 1, missed: 1 });
    expect(verifier.state().keys).toMatchObject({ fetches: { changed: 1, failed: 0 } });
    // Who asks because of an unknown kid wants to see for itself.
    await outcome(verifier, junk(server, 1)[0]!);
    expect(server.asked.filter((headers) => headers['if-none-match'] === undefined)).toHaveLength(
      2,
    );
  });

  it('there is never more than one fetch at a time, so that no old answer comes after a newer one', async () => {
    const server = await startKeyServer(first);
    let [open, most] = [0, 0];
    server.answer = (_request, response) => {
      most = Math.max(most, (open += 1));
      setTimeout(() => {
        open -= 1;
        response.end(setOf(first));
      }, 150);
    };
    const verifier = await verifierOf(server, { keyAges: often });
    await until(async () => {
      await Promise.all(junk(server, 20).map((token) => outcome(verifier, token)));
      return server.asked.length > 6;
    });
    expect(most).toBe(1);
  });
});
