import { readFileSync } from 'node:fs';
import { hostSettings } from './environment.js';
import { redisSettings } from './redis-settings.js';
import { relyingServiceSettings } from './relying-service-settings.js';

it.each(['orders', 'payments', 'gateway'])('the README of %s names its settings', (app) => {
  const readme = readFileSync(new URL(`../../../apps/${app}/README.md`, import.meta.url), 'utf8');
  const settings = { ...hostSettings, ...relyingServiceSettings, ...redisSettings(() => true) };
  for (const name of Object.keys(settings)) expect(readme).toContain(`\`${name}\``);
});
