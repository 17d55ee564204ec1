// Loaded before the built identity by the tests: says on standard error what it answers that its OpenAPI documents do not tell of.
import 'reflect-metadata';
import { operatorDocument } from '../dist/listeners/operator-document.js';
import { publicDocument } from '../dist/listeners/public-document.js';
import { serviceDocument } from '../dist/listeners/service-document.js';
import { DocumentedAnswers } from './documented-answers.mjs';

const tell = (fault) => process.stderr.write(`not as documented: ${fault}\n`);
const { PUBLIC_PORT, SERVICE_PORT, OPERATOR_PORT } = process.env;
new DocumentedAnswers(publicDocument(), tell).watch(Number(PUBLIC_PORT));
new DocumentedAnswers(serviceDocument(), tell).watch(Number(SERVICE_PORT));
new DocumentedAnswers(operatorDocument(), tell).watch(Number(OPERATOR_PORT));
