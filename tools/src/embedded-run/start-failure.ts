/** Something that keeps the embedded run from starting or going on, told in words that say what to do. */
export class StartFailure extends Error {
  override readonly name = 'StartFailure';
}
