import { runService } from '@countersign/service-host';
import { startGateway } from './start-gateway.js';

await runService(() => startGateway(process.env));
