import { setImmediate as nextTurn } from 'node:timers/promises';

/** Bytes between two turns of the event loop: some hundred revocations, read in about a millisecond. */
const PIECE_BYTES = 16 * 1024;

/**
 * Gives bytes on in pieces and lets the event loop turn in between, so that reading a long replay holds nobody up. What comes
 * in small amounts is given on without delay.
 */
export async function* inSmallTurns(chunks: AsyncIterable<Uint8Array>): AsyncGenerator<Uint8Array> {
  let given = 0;
  for await (const chunk of chunks) {
    for (let at = 0; at < chunk.length; at += PIECE_BYTES) {
      const piece = chunk.subarray(at, at + PIECE_BYTES);
      yield piece;
      given += piece.length;
      if (given < PIECE_BYTES) continue;
      given = 0;
      await nextTurn();
    }
  }
}
