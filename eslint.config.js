import tseslint from 'typescript-eslint';

/** Who may import whom: the rooms of the house (see CONTRIBUTING.md). */
const forbid = (...rooms) => ({
  'no-restricted-imports': [
    'error',
    {
      patterns: rooms.map((room) => ({
        regex: `^(\\.\\./)+${room}(/|$)`,
        message: `This room may not import ${room}/ (see CONTRIBUTING.md, "The house").`,
      })),
    },
  ],
});

const driverRooms = ['serial', 'modbus', 'opcua', 'medium', 'power', 'tcp-tap'];

export default tseslint.config(
  { ignores: ['dist/**', 'reports/out/**', 'node_modules/**'] },
  ...tseslint.configs.recommendedTypeChecked.map((config) => ({ ...config, files: ['**/*.ts'] })),
  {
    files: ['**/*.ts'],
    languageOptions: { parserOptions: { projectService: true } },
    rules: {
      '@typescript-eslint/no-floating-promises': 'error',
      '@typescript-eslint/switch-exhaustiveness-check': 'error',
      '@typescript-eslint/consistent-type-imports': ['error', { fixStyle: 'inline-type-imports' }],
      '@typescript-eslint/no-unused-vars': ['error', { argsIgnorePattern: '^_', varsIgnorePattern: '^_' }],
      '@typescript-eslint/require-await': 'off',
      '@typescript-eslint/restrict-template-expressions': [
        'error',
        { allowNumber: true, allowBoolean: true, allowNullish: true },
      ],
      eqeqeq: ['error', 'always'],
    },
  },
  {
    files: ['harness/**/*.ts'],
    ignores: ['harness/cli/**'],
    rules: forbid('drivers', 'suites', 'boards', 'reports'),
  },
  { files: ['suites/**/*.ts'], rules: forbid('drivers', 'boards', 'reports') },
  { files: ['reports/**/*.ts'], rules: forbid('drivers', 'suites', 'boards') },
  ...driverRooms.map((room) => ({
    files: [`drivers/${room}/**/*.ts`],
    rules: forbid('suites', 'boards', 'reports', 'drivers', ...driverRooms.filter((other) => other !== room)),
  })),
  { files: ['boards/simulated/**/*.ts'], rules: forbid('harness', 'drivers', 'suites', 'reports') },
  { files: ['boards/third-party/**/*.ts'], rules: forbid('suites', 'reports', 'harness/cli') },
  { files: ['**/*.test.ts'], rules: { '@typescript-eslint/no-unused-expressions': 'off' } },
);
