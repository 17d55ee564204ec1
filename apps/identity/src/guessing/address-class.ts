import { isIP } from 'node:net';

/**
 * What counts as one address: an IPv4 address, also one that is written as IPv6, or the first 64 bits of an IPv6 address, since
 * whoever has one has the whole network. Everything that is no address counts as one.
 */
export function addressClass(text: string): string {
  const [address = ''] = text.split('%');
  if (isIP(address) === 4) return address;
  if (isIP(address) !== 6) return 'none';
  const groups = groupsOf(address);
  const isMapped = groups.slice(0, 5).every((group) => group === 0) && groups[5] === 0xffff;
  if (isMapped) {
    return groups
      .slice(6)
      .flatMap((group) => [group >> 8, group & 0xff])
      .join('.');
  }
  return `${groups
    .slice(0, 4)
    .map((group) => group.toString(16))
    .join(':')}::/64`;
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
