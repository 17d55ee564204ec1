export * from './issuer/index.js';
export * from './servers/index.js';
