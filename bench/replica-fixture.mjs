// The revocations of bench:replica, each computed from its number alone: the server and the one who looks them up agree.
const at = Math.floor(Date.now() / 1000);

/** A UUID as random as any, and always the same for a number. */
export function idOf(number) {
  let hex = '';
  for (let word = 1; word <= 4; word += 1) {
    let mixed = Math.imul(number * 4 + word, 0x9e3779b1);
    mixed = Math.imul(mixed ^ (mixed >>> 16), 0x85ebca6b);
    mixed = Math.imul(mixed ^ (mixed >>> 13), 0xc2b2ae35);
    hex += ((mixed ^ (mixed >>> 16)) >>> 0).toString(16).padStart(8, '0');
  }
  return `${hex.slice(0, 8)}-${hex.slice(8, 12)}-4${hex.slice(13, 16)}-a${hex.slice(17, 20)}-${hex.slice(20)}`;
}

/** One in a thousand is a cut-off; the others are sessions and tokens, half and half. In the wire form. */
export function eventOf(seq) {
  const kind = seq % 1000 === 0 ? 'sub' : seq % 2 === 0 ? 'sid' : 'jti';
  const cutoff = kind === 'sub' ? { cutoff: at } : {};
  return { epoch: 1, seq, kind, id: idOf(seq), ...cutoff, expires_at: at + 3_600, at };
}

/** A token of a session: with numbers beyond those of the events, nothing covers it. */
export const tokenOf = (number, more = {}) => ({
  tokenId: idOf(number),
  subject: idOf(number + 1),
  clientId: 'first-party',
  keyId: 'k',
  issuedAt: at,
  sessionId: idOf(number + 2),
  ...more,
});
