import { configurationFaults } from './configuration-faults.js';

const good = {
  issuerUrl: 'https://api.example.com',
  clients: [{ id: 'first-party', audiences: ['orders'] }],
  services: [
    { id: 'orders', audience: 'orders' },
    { id: 'gateway', audience: null },
  ],
};

it.each([
  'https://api.example.com',
  'http://localhost:8080',
  'http://127.0.0.1:80',
  'http://[::1]:80',
])('finds nothing wrong with the issuer %s', (issuerUrl) =>
  expect(configurationFaults({ ...good, issuerUrl })).toEqual([]),
);

it('an issuer in plain http on another machine is a fault', () => {
  expect(configurationFaults({ ...good, issuerUrl: 'http://api.example.com' })).toEqual([
    expect.stringContaining('ISSUER_URL'),
  ]);
});

it('a service whose audience no client names is a fault, since it will refuse every token', () => {
  const services = [{ id: 'orders', audience: 'order' }];
  expect(configurationFaults({ ...good, services })).toEqual([
    expect.stringMatching(/orders wants the audience order,/),
  ]);
});
