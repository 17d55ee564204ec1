import { BlockList, isIPv4 } from 'node:net';

/**
 * Who may ask about requests without credentials of their own, by address: of the connection, whatever a header says.
 *
 * @param peers addresses and CIDRs; nobody when there are none
 */
export class GatewayPeers {
  readonly #peers = new BlockList();
  /** The one that asked last, as it asks for every request. */
  #last: { readonly address: string; readonly isPeer: boolean } | undefined;

  constructor(peers: readonly string[]) {
    for (const peer of peers) {
      const [address = '', bits] = peer.split('/');
      const family = isIPv4(address) ? 'ipv4' : 'ipv6';
      if (bits === undefined) this.#peers.addAddress(address, family);
      else this.#peers.addSubnet(address, Number(bits), family);
    }
  }

  includes(remoteAddress: string | undefined): boolean {
    if (remoteAddress === undefined) return false;
    if (this.#last?.address !== remoteAddress)
      this.#last = { address: remoteAddress, isPeer: this.#isPeer(remoteAddress) };
    return this.#last.isPeer;
  }

  #isPeer(remoteAddress: string): boolean {
    const address = remoteAddress.replace(/^::ffff:(?=\d+\.)/i, '');
    return this.#peers.check(address, isIPv4(address) ? 'ipv4' : 'ipv6');
  }
}
