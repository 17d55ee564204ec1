import { isLeftOver, tellTaken } from './port-check.js';

describe('a port that is taken', () => {
  it('is told with its purpose and its holder', () => {
    const { message } = tellTaken([
      { name: 'gateway', port: 8080, holder: { pid: 12, command: 'python3 -m http.server 8080' } },
      { name: 'identityOperator', port: 3010, holder: undefined },
    ]);
    expect(message).toContain(
      '8080 (gateway) is taken by process 12 (python3 -m http.server 8080)',
    );
    expect(message).toContain('3010 (identity operator) is taken by another process');
    expect(message).toContain('npm start -- --port-base 4000');
  });

  it('may be held by a service of this checkout that is still ending', () => {
    const held = (command: string) => isLeftOver({ pid: 1, command }, '/srv/countersign');
    expect(held('/usr/bin/node /srv/countersign/apps/orders/dist/main.js')).toBe(true);
    expect(held('/usr/bin/node /srv/other/apps/orders/dist/main.js')).toBe(false);
    expect(held('vim /srv/countersign/apps/orders/dist/main.js')).toBe(false);
    expect(isLeftOver(undefined, '/srv/countersign')).toBe(false);
  });
});
