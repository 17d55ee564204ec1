import { z } from 'zod';
import { REVOCATION_KINDS } from '@countersign/revocation';

/** An instant in an answer. */
export const instant = z.number().describe('NumericDate: seconds since 1970, with a fraction');

const position = { epoch: z.int(), seq: z.int() };
/** A place in the log of revocations. */
export const positionAnswer = z.strictObject(position);

/** One revocation, as on the feed. */
const event = {
  ...position,
  kind: z.enum(REVOCATION_KINDS),
  id: z.string(),
  cutoff: z.int().optional().describe('Tokens issued up to and including this second'),
  expires_at: instant.nullable().describe('`null`: it never ends'),
  at: instant,
  receipt_wanted: z.literal(true).optional(),
};
export const eventAnswer = z.strictObject(event);

const receiptStatus = z
  .enum(['applied', 'pending'])
  .describe('`applied`: no live instance accepts any more what it covers');

const instances = z.array(
  z.strictObject({
    service: z.string(),
    instance_id: z.string(),
    applied: z.boolean(),
    millis: z.number().nullable().describe('From the commit to the stored receipt'),
    joined_later: z
      .boolean()
      .describe('It joined after the commit, and answers nobody before it has applied it'),
  }),
);

/** The receipts of one revocation. */
export const receiptsAnswer = z.strictObject({
  ...position,
  committed_at: instant,
  status: receiptStatus,
  instances,
});

/** What comes with everything that revokes. */
export const revoking = {
  revocation: z.strictObject({ ...position, status: receiptStatus }),
  instances: instances.optional().describe('Only for who waits'),
};
/** The same for a cut-off, whose event is shown whole. */
export const cuttingOff = {
  ...revoking,
  revocation: z.strictObject({ ...event, status: receiptStatus }),
};

/** How far a revocation has come decides between the two. */
export const answersOf = (body: z.ZodType) => ({ 200: body, 202: body });

export const WAITING =
  '200: every live instance of every service has applied it. 202: committed, and on its way; either is final. With `Prefer: wait=2` ' +
  'the answer waits so many seconds, and names the instances.';

/** A page of a list. */
export const pageOf = (item: z.ZodType) =>
  z.strictObject({
    items: z.array(item),
    next_cursor: z.string().nullable().describe('The `cursor` of the next page'),
  });
