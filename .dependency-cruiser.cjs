/** The arrows of the architecture: apps → libs, libs point one way, features of identity point one way. */
const lib = (name, allowed) => ({
  name: `lib-${name}-depends-only-on-${allowed.join('-') || 'nothing'}`,
  severity: 'error',
  from: { path: `^libs/${name}/src`, pathNot: '\\.(int-)?spec\\.ts$' },
  to: { path: '^libs/', pathNot: [`^libs/${name}/`, ...allowed.map((a) => `^libs/${a}/`)] },
});

const feature = (name, allowed) => ({
  name: `identity-${name}-points-one-way`,
  severity: 'error',
  from: { path: `^apps/identity/src/${name}/`, pathNot: '\\.(int-)?spec\\.ts$' },
  to: {
    path: '^apps/identity/src/[^/]+/',
    pathNot: [
      `^apps/identity/src/(${[name, 'platform', 'config', 'sealing', 'mail', 'audit', 'openapi', ...allowed].join('|')})/`,
    ],
  },
});

module.exports = {
  forbidden: [
    { name: 'no-circular', severity: 'error', from: {}, to: { circular: true } },
    { name: 'not-to-unresolvable', severity: 'error', from: {}, to: { couldNotResolve: true } },
    {
      name: 'apps-never-import-apps',
      severity: 'error',
      from: { path: '^apps/([^/]+)/' },
      to: { path: '^apps/', pathNot: '^apps/$1/' },
    },
    {
      name: 'libs-never-import-apps',
      severity: 'error',
      from: { path: '^libs/' },
      to: { path: '^(apps|tools)/' },
    },
    {
      name: 'libraries-by-package-name-only',
      severity: 'error',
      from: { path: '^(apps|libs|tools)/([^/]+)/' },
      to: { path: '^libs/', pathNot: '^$1/$2/', dependencyTypes: ['local'] },
    },
    {
      name: 'verifier-and-revocation-have-no-third-party-dependency',
      severity: 'error',
      from: { path: '^libs/(revocation|token-verifier)/src', pathNot: '\\.(int-)?spec\\.ts$' },
      to: { dependencyTypes: ['npm', 'npm-dev', 'npm-optional', 'npm-peer'], pathNot: '^libs/' },
    },
    {
      name: 'revocation-is-pure',
      severity: 'error',
      from: { path: '^libs/revocation/src', pathNot: '\\.(int-)?spec\\.ts$' },
      to: { dependencyTypes: ['core'] },
    },
    {
      name: 'production-code-never-imports-test-kit',
      severity: 'error',
      from: {
        path: '^(apps|libs|tools)/',
        pathNot: ['\\.(int-)?spec\\.ts$', '^libs/test-kit/', '^(apps|libs)/[^/]+/test/'],
      },
      to: { path: '^libs/test-kit/' },
    },
    lib('revocation', []),
    lib('revocation-redis', ['revocation']),
    lib('token-verifier', ['revocation']),
    lib('nest-auth', ['token-verifier']),
    lib('service-host', []),
    lib('embedded-postgres', []),
    lib('test-kit', ['embedded-postgres', 'revocation']),
    feature('accounts', []),
    feature('audit', []),
    feature('openapi', []),
    feature('revocation', []),
    feature('revocation-relay', ['revocation']),
    feature('relying-services', ['revocation']),
    feature('signing-keys', ['relying-services', 'revocation']),
    feature('access-tokens', ['signing-keys', 'revocation']),
    feature('sessions', ['accounts', 'access-tokens', 'relying-services', 'revocation']),
    feature('forward-auth', ['access-tokens', 'sessions']),
    feature('guessing', ['accounts', 'relying-services', 'revocation']),
    feature('oauth', [
      'access-tokens',
      'guessing',
      'signing-keys',
      'relying-services',
      'revocation',
    ]),
    feature('credentials', ['accounts', 'sessions', 'relying-services', 'revocation']),
  ],
  options: {
    doNotFollow: { path: 'node_modules' },
    exclude: { path: '(^|/)dist/' },
    tsPreCompilationDeps: true,
    tsConfig: { fileName: 'tsconfig.json' },
    enhancedResolveOptions: {
      exportsFields: ['exports'],
      conditionNames: ['countersign-source', 'import', 'node', 'default', 'types'],
    },
  },
};
