import { z } from 'zod';

/** A secret that was made. */
export const madeSecret = z.strictObject({
  id: z.string(),
  client_secret: z.string().describe('Shown only here'),
  secret_sha256: z.string().describe('Hexadecimal'),
});

export const droppedSecrets = z.strictObject({
  id: z.string(),
  dropped: z.int().describe('How many secrets are valid no more'),
});
