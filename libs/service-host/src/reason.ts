/** Deeper than anybody wraps errors; a cause may be its own. */
const DEEPEST = 8;

/**
 * What stands behind an error, in the words of the one that began it: `connect ECONNREFUSED 127.0.0.1:5432` rather than that something is
 * unavailable. Where that one has no words (of several addresses that were tried), its code, or its name. For logs.
 */
export function reasonOf(error: unknown): string {
  let first = error;
  for (let depth = 0; depth < DEEPEST && causeOf(first) !== undefined; depth += 1) {
    first = causeOf(first);
  }
  const { message, code, name } = asError(first);
  const words = [message, code, name].find((word) => typeof word === 'string' && word !== '');
  return typeof words === 'string' ? words : String(first);
}

/** Only what is an error itself: a cause may be anything. */
function causeOf(error: unknown): unknown {
  const { cause } = asError(error);
  return typeof asError(cause).message === 'string' ? cause : undefined;
}

function asError(value: unknown): Readonly<Record<'message' | 'code' | 'name' | 'cause', unknown>> {
  return (typeof value === 'object' && value !== null ? value : {}) as never;
}
