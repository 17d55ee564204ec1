import base from '../../../../jest.config.js';

const [, integration] = base.projects;

/** The same tests of nest-auth, with Nest 11 in the place of Nest 12. */
export default {
  ...integration,
  rootDir: '../../../..',
  displayName: 'Nest 11',
  testMatch: [
    '<rootDir>/libs/nest-auth/**/*.int-spec.ts',
    '<rootDir>/libs/nest-auth/**/*.nest11-spec.ts',
  ],
  modulePathIgnorePatterns: [],
  moduleNameMapper: {
    ...integration.moduleNameMapper,
    '^(@nestjs/[^/]+|rxjs|reflect-metadata|passport|passport-jwt)(/.*)?$':
      '<rootDir>/.cache/nest11/node_modules/$1$2',
  },
};
