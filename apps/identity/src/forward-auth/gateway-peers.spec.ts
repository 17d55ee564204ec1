import { GatewayPeers } from './gateway-peers.js';

it('without peers nobody is one', () => {
  const peers = new GatewayPeers([]);
  for (const address of ['127.0.0.1', '::1', undefined])
    expect(peers.includes(address)).toBe(false);
});

it.each([
  ['10.1.2.3', true],
  ['::ffff:10.1.2.3', true],
  ['10.2.0.1', false],
  ['192.0.2.7', true],
  ['192.0.2.8', false],
  ['fd00::7', true],
  ['fd01::7', false],
  ['::1', true],
  ['127.0.0.1', false],
  ['nonsense', false],
  [undefined, false],
])('%s: %s', (address, isPeer) => {
  const peers = new GatewayPeers(['10.1.0.0/16', '192.0.2.7', 'fd00::/16', '::1']);
  expect(peers.includes(address)).toBe(isPeer);
});

it('who asks in turns is told apart', () => {
  const peers = new GatewayPeers(['10.1.0.0/16']);
  const asked = ['10.1.0.1', '10.1.0.1', '10.2.0.1', '10.2.0.1', '::ffff:10.1.0.1', '10.1.0.1'];
  const expected = [true, true, false, false, true, true];
  expect(asked.map((address) => peers.includes(address))).toEqual(expected);
});
