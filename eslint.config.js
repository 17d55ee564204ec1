import tseslint from 'typescript-eslint';

const time = 'Take time from the injected clock, so that tests can hold it.';

export default tseslint.config(
  { ignores: ['**/dist/', 'coverage/', '.cache/', '.countersign/'] },
  {
    files: ['**/*.ts'],
    extends: [tseslint.configs.strictTypeChecked],
    languageOptions: {
      parserOptions: { projectService: true, tsconfigRootDir: import.meta.dirname },
    },
    rules: {
      // Nest modules and controllers without members are idiomatic.
      '@typescript-eslint/no-extraneous-class': ['error', { allowWithDecorator: true }],
      '@typescript-eslint/restrict-template-expressions': ['error', { allowNumber: true }],
      '@typescript-eslint/no-confusing-void-expression': ['error', { ignoreArrowShorthand: true }],
      '@typescript-eslint/consistent-type-imports': 'error',
      '@typescript-eslint/no-unused-vars': ['error', { argsIgnorePattern: '^_' }],
      '@typescript-eslint/switch-exhaustiveness-check': 'error',
      'no-restricted-properties': [
        'error',
        { object: 'Date', property: 'now', message: time },
        { object: 'Math', property: 'random', message: 'Use node:crypto or the injected ids.' },
        {
          object: 'process',
          property: 'env',
          message: 'Only config/ and main.ts read the environment.',
        },
      ],
      'no-restricted-syntax': [
        'error',
        { selector: 'NewExpression[callee.name="Date"][arguments.length=0]', message: time },
        { selector: 'TSEnumDeclaration', message: 'Use a closed union.' },
      ],
      // Nest declares plain option objects as classes.
      '@typescript-eslint/no-unsafe-class-instance-assignment': 'off',
      'no-console': 'error',
    },
  },
  {
    // The homes of time, chance, the environment and the terminal.
    files: [
      '**/main.ts',
      '**/cli.ts',
      '**/system-clock.ts',
      'tools/**/*.ts',
      'libs/embedded-postgres/**/*.ts',
      'libs/test-kit/**/*.ts',
      '**/test/**/*.ts',
      '**/*.spec.ts',
      '**/*.int-spec.ts',
    ],
    rules: {
      'no-restricted-properties': 'off',
      'no-restricted-syntax': 'off',
      'no-console': 'off',
    },
  },
  {
    // jest's expect(...) helpers return any, and an async test body is often awaited by jest itself.
    files: ['**/test/**/*.ts', '**/*.spec.ts', '**/*.int-spec.ts'],
    rules: {
      '@typescript-eslint/no-unsafe-assignment': 'off',
      '@typescript-eslint/no-non-null-assertion': 'off',
      '@typescript-eslint/require-await': 'off',
    },
  },
);
