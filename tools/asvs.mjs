// The entry of `npm run asvs`: checks docs/security/asvs.md against the tests that it names, and prints its counts.
await import('./dist/asvs/main.js');
