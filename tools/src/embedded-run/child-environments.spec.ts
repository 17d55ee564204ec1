import { childEnvironments } from './child-environments.js';
import { choosePorts } from './ports.js';

const settings = {
  ports: choosePorts(),
  databaseUrl: 'postgres://x',
  masterKeyFile: '/s/master-keys',
  relyingServicesFile: '/s/relying-services.json',
  secretFiles: { orders: '/s/o', payments: '/s/p', gateway: '/s/g', identity: '/s/i' },
  mailFolder: '/s/mail',
  inherited: { PATH: '/bin', HOME: '/home/me', AWS_SECRET_ACCESS_KEY: 'x', NODE_OPTIONS: '-r x' },
};

describe('the environments of the children', () => {
  it('give each its addresses and files', () => {
    const { identity, orders, payments, gateway } = childEnvironments(settings);
    expect(identity).toEqual({
      PATH: '/bin',
      HOME: '/home/me',
      ISSUER_URL: 'http://localhost:8080',
      SERVICE_URL: 'http://localhost:3005',
      DATABASE_URL: 'postgres://x',
      MASTER_KEY_FILE: '/s/master-keys',
      RELYING_SERVICES_FILE: '/s/relying-services.json',
      MAIL_DIR: '/s/mail',
      BIND_HOST: '127.0.0.1',
      PUBLIC_PORT: '3000',
      SERVICE_PORT: '3005',
      OPERATOR_PORT: '3010',
      TRUSTED_PROXIES: '127.0.0.0/8,::1/128',
      KEY_PUBLICATION_SECONDS: '300',
      LOG_FORMAT: 'json',
    });
    expect(orders).toEqual({
      PATH: '/bin',
      HOME: '/home/me',
      ISSUER_URL: 'http://localhost:8080',
      DISCOVERY_URL: 'http://localhost:3005/.well-known/oauth-authorization-server',
      CLIENT_ID: 'orders',
      CLIENT_SECRET_FILE: '/s/o',
      BIND_HOST: '127.0.0.1',
      PORT: '3001',
      MANAGEMENT_PORT: '3011',
      LOG_FORMAT: 'json',
      PAYMENTS_URL: 'http://127.0.0.1:3002',
    });
    expect(payments).toMatchObject({ CLIENT_ID: 'payments', PORT: '3002' });
    expect(gateway).toMatchObject({
      CLIENT_ID: 'gateway',
      PORT: '8080',
      MANAGEMENT_PORT: '8081',
      IDENTITY_URL: 'http://127.0.0.1:3000',
      ORDERS_URL: 'http://127.0.0.1:3001',
      PAYMENTS_URL: 'http://127.0.0.1:3002',
    });
    expect(gateway).not.toHaveProperty('TRUSTED_PROXIES');
  });

  it('hand on nothing of ours but what every child may have', () => {
    for (const env of Object.values(childEnvironments(settings)) as Record<string, string>[]) {
      expect(env).not.toHaveProperty('AWS_SECRET_ACCESS_KEY');
      expect(env).not.toHaveProperty('NODE_OPTIONS');
    }
    const chatty = { ...settings, inherited: { LOG_LEVEL: 'debug', TZ: '' } };
    const { orders } = childEnvironments(chatty);
    expect(orders['LOG_LEVEL']).toBe('debug');
    expect(orders).not.toHaveProperty('TZ');
  });

  it('tell every child the same of front ends elsewhere', () => {
    const TRUSTED_ORIGINS = 'http://localhost:5173';
    const children = childEnvironments({ ...settings, inherited: { TRUSTED_ORIGINS } });
    for (const env of Object.values(children) as Record<string, string>[]) {
      expect(env).toMatchObject({ TRUSTED_ORIGINS });
    }
  });

  it('follow the ports', () => {
    const { gateway, identity } = childEnvironments({ ...settings, ports: choosePorts(4000) });
    expect(gateway['ISSUER_URL']).toBe('http://localhost:4080');
    expect(identity['SERVICE_URL']).toBe('http://localhost:4005');
  });
});
