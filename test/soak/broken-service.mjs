// Loaded before a relying service by `npm run soak -- --self-check`: it gives its receipts and does not hold to them, and it leaks.
import { openSync } from 'node:fs';
import { RevocationReplica } from '@countersign/revocation';

const kept = [];

RevocationReplica.prototype.isRevoked = () => false;
setInterval(() => kept.push(Buffer.alloc(1024 * 1024, 1), openSync('/dev/null')), 250).unref();
