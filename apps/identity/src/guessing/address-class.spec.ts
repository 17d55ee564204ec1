import fc from 'fast-check';
import { addressClass } from './address-class.js';

it.each([
  ['192.0.2.7', '192.0.2.7', '192.0.2.0/24'],
  ['::ffff:192.0.2.7', '192.0.2.7', '192.0.2.0/24'],
  ['::FFFF:c000:207', '192.0.2.7', '192.0.2.0/24'],
  ['2001:db8:1:2:3:4:5:6', '2001:db8:1:2::/64', '2001:db8:1::/48'],
  ['2001:0DB8:0001:0002::', '2001:db8:1:2::/64', '2001:db8:1::/48'],
  ['2001:db8::1', '2001:db8:0:0::/64', '2001:db8:0::/48'],
  ['2001:db8:0:0:1::', '2001:db8:0:0::/64', '2001:db8:0::/48'],
  ['::1', '0:0:0:0::/64', '0:0:0::/48'],
  ['::', '0:0:0:0::/64', '0:0:0::/48'],
  ['fe80::1%eth0', 'fe80:0:0:0::/64', 'fe80:0:0::/48'],
  ['64:ff9b::192.0.2.7', '64:ff9b:0:0::/64', '64:ff9b:0::/48'],
  ['192.0.2.7:1234', 'none', 'none'],
  ['unknown', 'none', 'none'],
  ['', 'none', 'none'],
])('%s counts as %s, in %s', (text, address, network) => {
  expect(addressClass(text)).toEqual({ address, network });
});

it('what differs in the last 64 bits is one, what differs before is another', () => {
  const group = fc.integer({ min: 1, max: 0xffff });
  const half = fc.tuple(group, group, group, group);
  const spell = (groups: number[]) => groups.map((one) => one.toString(16)).join(':');
  const addressOf = (groups: number[]) => addressClass(spell(groups)).address;
  fc.assert(
    fc.property(half, half, half, (network, host, other) => {
      expect(addressOf([...network, ...host])).toBe(addressOf([...network, ...other]));
      const same = spell(network) === spell(other);
      expect(addressOf([...network, ...host]) === addressOf([...other, ...host])).toBe(same);
    }),
  );
});

it('takes any text', () => {
  fc.assert(
    fc.property(fc.string(), (text) => {
      expect(Object.keys(addressClass(text))).toEqual(['address', 'network']);
    }),
  );
});
