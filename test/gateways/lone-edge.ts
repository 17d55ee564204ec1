import { freePorts } from '../stack.js';
import { makeCertificate } from './certificate.js';
import { EchoUpstream } from './echo.js';
import { startEdge } from './edges.js';
import type { Edge, Places, Program } from './edges.js';

/** A gateway with nothing behind it but `echo`, which is identity too and lets everybody in: it answers 200 with their Authorization. */
export async function startLoneEdge(
  program: Program,
  echo: EchoUpstream,
  changes?: Parameters<typeof startEdge>[2],
  elsewhere?: Partial<Places>,
): Promise<Edge & { readonly tlsPort: number }> {
  const [port = 0, managementPort = 0, tlsPort = 0] = await freePorts(3);
  const places = {
    identityPublic: echo.host,
    identityService: echo.host,
    orders: echo.host,
    payments: echo.host,
    port,
    managementPort,
    tls: { ...(await makeCertificate()), port: tlsPort },
    ...elsewhere,
  };
  return { ...(await startEdge(program, places, changes)), tlsPort };
}

/** The gateways that are programs of others. */
export const PROGRAMS = ['nginx', 'caddy', 'haproxy'] as const;

/** One of each, with one echo behind all of them. */
export async function startLoneEdges() {
  const echo = await EchoUpstream.start();
  const edges = new Map<Program, Edge>();
  for (const program of PROGRAMS) edges.set(program, await startLoneEdge(program, echo));
  return {
    echo,
    portOf: (program: Program) => Number(new URL(edges.get(program)!.origin).port),
    async stop(): Promise<void> {
      for (const edge of edges.values()) await edge.stop();
      echo.stop();
    },
  };
}
