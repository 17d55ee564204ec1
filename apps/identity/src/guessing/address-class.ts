import { isIP } from 'node:net';

/** Where somebody is, as attempts are counted. */
export interface AddressClass {
  /**
   * What counts as one address: an IPv4 address, also one that is written as IPv6, or the first 64 bits of an IPv6 address, since
   * whoever has one has the whole network. Everything that is no address counts as one.
   */
  readonly address: string;
  /** What one neighbour of the internet can have: 256 IPv4 addresses, or the first 48 bits of an IPv6 address (RFC 6177). */
  readonly network: string;
}

/** Takes any text. */
export function addressClass(text: string): AddressClass {
  const [address = ''] = text.split('%');
  if (isIP(address) === 4) return ofFour(address.split('.'));
  if (isIP(address) !== 6) return { address: 'none', network: 'none' };
  const groups = groupsOf(address);
  const isMapped = groups.slice(0, 5).every((group) => group === 0) && groups[5] === 0xffff;
  if (isMapped) {
    return ofFour(groups.slice(6).flatMap((group) => [String(group >> 8), String(group & 0xff)]));
  }
  const first = (count: number) =>
    groups
      .slice(0, count)
      .map((group) => group.toString(16))
      .join(':');
  return { address: `${first(4)}::/64`, network: `${first(3)}::/48` };
}

function ofFour(bytes: readonly string[]): AddressClass {
  return { address: bytes.join('.'), network: `${bytes.slice(0, 3).join('.')}.0/24` };
}

/** The eight groups of an IPv6 address. */
function groupsOf(address: string): readonly number[] {
  // Of all spellings the URL parser makes one: hexadecimal, with one run of zeros left out.
  const canonical = new URL(`http://[${address}]`).hostname.slice(1, -1);
  const [before = '', after] = canonical.split('::');
  const read = (part: string) =>
    part === '' ? [] : part.split(':').map((group) => Number.parseInt(group, 16));
  if (after === undefined) return read(before);
  const [head, tail] = [read(before), read(after)];
  return [...head, ...Array<number>(8 - head.length - tail.length).fill(0), ...tail];
}
