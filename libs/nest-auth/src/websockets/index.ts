export { CountersignWsAdapter, TOKEN_ENDED } from './countersign-ws.adapter.js';
