const common = {
  testEnvironment: 'node',
  // Workspace libraries are taken from source, so a test never runs against a stale build.
  testEnvironmentOptions: { customExportConditions: ['countersign-source', 'node', 'node-addons'] },
  extensionsToTreatAsEsm: ['.ts'],
  transform: {
    '^.+\\.ts$': [
      '@swc/jest',
      {
        jsc: {
          parser: { syntax: 'typescript', decorators: true },
          target: 'es2023',
          keepClassNames: true,
          transform: { legacyDecorator: true, decoratorMetadata: true },
        },
        module: { type: 'es6' },
      },
    ],
  },
  moduleNameMapper: { '^(\\.{1,2}/.*)\\.js$': '$1' },
  modulePathIgnorePatterns: ['/dist/', '/.cache/', '/.countersign/'],
};

export default {
  workerIdleMemoryLimit: '700MB',
  // More than cores: many wait for processes or for time to pass.
  maxWorkers: 3,
  testSequencer: '<rootDir>/tools/longest-first.mjs',
  // Machines that do other work at the same time are slow, not broken.
  testTimeout: 120_000,
  projects: [
    {
      ...common,
      displayName: 'unit',
      testMatch: ['**/src/**/*.spec.ts', '<rootDir>/docs/**/*.spec.ts'],
    },
    { ...common, displayName: 'integration', testMatch: ['**/src/**/*.int-spec.ts'] },
    { ...common, displayName: 'e2e', testMatch: ['<rootDir>/test/**/*.e2e-spec.ts'] },
  ],
};
