/** What identity's verifiers forgive and believe, seconds: how far clocks may be apart, and how long a token may live. */
export const TOKEN_POLICY = { clockToleranceSeconds: 5, maxLifetimeSeconds: 3600 } as const;
