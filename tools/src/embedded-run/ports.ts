/** The ports of an embedded run, all on the loopback address. */
export interface Ports {
  readonly identityPublic: number;
  readonly identityService: number;
  readonly identityOperator: number;
  readonly orders: number;
  readonly ordersManagement: number;
  readonly payments: number;
  readonly paymentsManagement: number;
  readonly gateway: number;
  readonly gatewayManagement: number;
  readonly postgres: number;
}

/** The default ports, or all of them counted from one base, which also brings the gateway into the same range. */
export function choosePorts(base?: number): Ports {
  const first = base ?? 3000;
  const gateway = base === undefined ? 8080 : base + 80;
  return {
    identityPublic: first,
    identityService: first + 5,
    identityOperator: first + 10,
    orders: first + 1,
    ordersManagement: first + 11,
    payments: first + 2,
    paymentsManagement: first + 12,
    gateway,
    gatewayManagement: gateway + 1,
    postgres: first + 32,
  };
}
