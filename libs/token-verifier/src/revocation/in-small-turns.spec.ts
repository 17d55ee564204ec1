import { inSmallTurns } from './in-small-turns.js';

async function* chunksOf(...sizes: number[]) {
  for (const size of sizes) yield new Uint8Array(size).fill(size & 0xff);
}

it('gives on every byte in order', async () => {
  const sizes = [1, 100_000, 0, 16_384, 7];
  const read: number[] = [];
  for await (const piece of inSmallTurns(chunksOf(...sizes))) read.push(...piece);
  expect(read).toEqual(sizes.flatMap((size) => Array.from({ length: size }, () => size & 0xff)));
});

it('lets others have their turn in the middle of one large chunk', async () => {
  let pieces = 0;
  let turns = 0;
  const others = setInterval(() => (turns += 1), 0);
  for await (const piece of inSmallTurns(chunksOf(16 * 1024 * 100))) {
    pieces += piece.length > 0 ? 1 : 0;
    for (const until = performance.now() + 1; performance.now() < until;);
  }
  clearInterval(others);
  expect(pieces).toBe(100);
  expect(turns).toBeGreaterThan(20);
});

it('what is small waits for no turn', async () => {
  let turned = false;
  setImmediate(() => (turned = true));
  for await (const piece of inSmallTurns(chunksOf(200, 200, 200))) {
    expect(piece).toHaveLength(200);
    expect(turned).toBe(false);
  }
});
