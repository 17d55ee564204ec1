export { claimFolder } from './claim-folder.js';
export { createDatabase, systemIdentifier } from './create-database.js';
export { removeEmbeddedPostgresData } from './data-home.js';
export {
  type DatabaseRole,
  type EmbeddedPostgres,
  type EmbeddedPostgresOptions,
  startEmbeddedPostgres,
} from './embedded-postgres.js';
export {
  EmbeddedPostgresError,
  type EmbeddedPostgresErrorCode,
} from './embedded-postgres-error.js';
export { type ParentWatch, watchOverChildren } from './parent-watch.js';
export { describePortHolder, findPortHolder, type PortHolder } from './port-holder.js';
export { findFreePort, isPortFree } from './ports.js';
export { commandOf, isAlive, startOf } from './process-table.js';
