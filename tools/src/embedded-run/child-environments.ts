import type { Ports } from './ports.js';
import type { RelyingServiceId } from './relying-services.js';

type Environment = Readonly<Record<string, string>>;

/** What the environments of all children are made of. */
export interface RunSettings {
  readonly ports: Ports;
  readonly databaseUrl: string;
  readonly masterKeyFile: string;
  readonly relyingServicesFile: string;
  readonly secretFiles: Readonly<Record<RelyingServiceId, string>>;
  readonly mailFolder: string;
  /** Ours: only what a program needs to run, and a few settings meant for every child, are handed on. */
  readonly inherited: Readonly<Record<string, string | undefined>>;
}

export interface ChildEnvironments {
  readonly identity: Environment;
  readonly orders: Environment;
  readonly payments: Environment;
  readonly gateway: Environment;
}

/** `iss` of every token: the gateway's public origin. */
export function issuerUrl(ports: Ports): string {
  return `http://localhost:${ports.gateway}`;
}

/** Where operators find identity. */
export function operatorUrl(ports: Ports): string {
  return `http://127.0.0.1:${ports.identityOperator}`;
}

/** The environment of each child process: the contract between the embedded run and the services. */
export function childEnvironments(settings: RunSettings): ChildEnvironments {
  const { ports } = settings;
  const everywhere = {
    ...pass(settings.inherited),
    ISSUER_URL: issuerUrl(ports),
    BIND_HOST: '127.0.0.1',
    LOG_FORMAT: 'json',
  };
  const relying = (id: RelyingServiceId, port: number, managementPort: number): Environment => ({
    ...everywhere,
    DISCOVERY_URL: `http://localhost:${ports.identityService}/.well-known/oauth-authorization-server`,
    CLIENT_ID: id,
    CLIENT_SECRET_FILE: settings.secretFiles[id],
    PORT: String(port),
    MANAGEMENT_PORT: String(managementPort),
  });
  const upstreams = {
    identity: `http://127.0.0.1:${ports.identityPublic}`,
    orders: `http://127.0.0.1:${ports.orders}`,
    payments: `http://127.0.0.1:${ports.payments}`,
  };
  return {
    identity: {
      ...everywhere,
      SERVICE_URL: `http://localhost:${ports.identityService}`,
      DATABASE_URL: settings.databaseUrl,
      MASTER_KEY_FILE: settings.masterKeyFile,
      RELYING_SERVICES_FILE: settings.relyingServicesFile,
      MAIL_DIR: settings.mailFolder,
      PUBLIC_PORT: String(ports.identityPublic),
      SERVICE_PORT: String(ports.identityService),
      OPERATOR_PORT: String(ports.identityOperator),
      TRUSTED_PROXIES: '127.0.0.0/8,::1/128',
      // Whoever tries a rotation out does not want to wait for a day.
      KEY_PUBLICATION_SECONDS: '300',
    },
    orders: {
      ...relying('orders', ports.orders, ports.ordersManagement),
      PAYMENTS_URL: upstreams.payments,
    },
    payments: relying('payments', ports.payments, ports.paymentsManagement),
    gateway: {
      ...relying('gateway', ports.gateway, ports.gatewayManagement),
      IDENTITY_URL: upstreams.identity,
      ORDERS_URL: upstreams.orders,
      PAYMENTS_URL: upstreams.payments,
    },
  };
}

const passed = [
  'PATH',
  'HOME',
  'TZ',
  'LANG',
  'SystemRoot',
  'LOG_LEVEL',
  'TRUSTED_ORIGINS',
  'REDIS_URL',
  'REDIS_PASSWORD_FILE',
  'REDIS_SENTINEL_PASSWORD_FILE',
  'REDIS_CA_FILE',
];

function pass(env: RunSettings['inherited']): Environment {
  return Object.fromEntries(
    passed.flatMap((name) => {
      const value = env[name];
      return value === undefined || value === '' ? [] : [[name, value]];
    }),
  );
}
