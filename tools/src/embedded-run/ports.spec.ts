import { choosePorts } from './ports.js';

describe('the ports of an embedded run', () => {
  it('are the documented ones by default', () => {
    expect(choosePorts()).toEqual({
      identityPublic: 3000,
      identityService: 3005,
      identityOperator: 3010,
      orders: 3001,
      ordersManagement: 3011,
      payments: 3002,
      paymentsManagement: 3012,
      gateway: 8080,
      gatewayManagement: 8081,
      postgres: 3032,
    });
  });

  it('are all counted from the base when there is one', () => {
    expect(choosePorts(4000)).toEqual({
      identityPublic: 4000,
      identityService: 4005,
      identityOperator: 4010,
      orders: 4001,
      ordersManagement: 4011,
      payments: 4002,
      paymentsManagement: 4012,
      gateway: 4080,
      gatewayManagement: 4081,
      postgres: 4032,
    });
  });

  it('are all different', () => {
    for (const base of [undefined, 1024, 4000, 65_000]) {
      const ports = Object.values(choosePorts(base)) as number[];
      expect(new Set(ports).size).toBe(ports.length);
    }
  });
});
