import { writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { makeCertificate } from './gateways/certificate.js';
import { Stack } from './stack.js';

let stack: Stack;

beforeAll(async () => {
  stack = await Stack.start([]);
});

afterAll(() => stack.stop());

it('identity serves TLS, and services that trust its authority hear of keys and revocations by it', async () => {
  const { certificate, key } = await makeCertificate();
  const [certificateFile, keyFile] = ['tls.crt', 'tls.key'].map((name) => join(stack.folder, name));
  writeFileSync(certificateFile!, certificate);
  writeFileSync(keyFile!, key);
  const service = `https://localhost:${String(stack.ports['service'])}`;
  const env = {
    TLS_CERTIFICATE_FILE: certificateFile!,
    TLS_KEY_FILE: keyFile!,
    SERVICE_URL: service,
    NODE_EXTRA_CA_CERTS: certificateFile!,
  };
  await stack.startApp('identity', { env });
  for (const listener of ['public', 'service']) {
    const plain = fetch(stack.url(listener, '/.well-known/jwks.json'));
    await expect(plain).rejects.toThrow();
  }
  const discovery = `${service}/.well-known/oauth-authorization-server`;
  // Ready once it holds the keys and has applied the revocations.
  await stack.startApp('orders', {
    env: { DISCOVERY_URL: discovery, NODE_EXTRA_CA_CERTS: certificateFile! },
  });
});
