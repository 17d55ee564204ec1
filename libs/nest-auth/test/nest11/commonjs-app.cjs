// An application of a team on Nest 11 that is CommonJS as most of them are, without a compiler. Listens on a free port and
// writes it to standard output; ends with its standard input.
// Usage: node commonjs-app.cjs <fastify|express> <native|passport> <options of the verifier as JSON>
require('reflect-metadata');
const { Controller, Get, Module } = require('@nestjs/common');
const { NestFactory } = require('@nestjs/core');
const { CountersignAuthModule, CurrentToken, TokenVerifier } = require('@countersign/nest-auth');
const { CountersignWsAdapter } = require('@countersign/nest-auth/websockets');
const { createTokenVerifier } = require('@countersign/token-verifier');

const [platform, guard, options] = process.argv.slice(2);
const adapters = {
  fastify: () => new (require('@nestjs/platform-fastify').FastifyAdapter)(),
  express: () => new (require('@nestjs/platform-express').ExpressAdapter)(),
};

class WhoController {
  who(token) {
    return { subject: token.subject };
  }
}
CurrentToken()(WhoController.prototype, 'who', 0);
const route = Object.getOwnPropertyDescriptor(WhoController.prototype, 'who');
Get('who')(WhoController.prototype, 'who', route);
Controller()(WhoController);

async function main() {
  const verifier = createTokenVerifier(JSON.parse(options));
  await verifier.ready({ timeoutMs: 10_000 });
  class AppModule {}
  Module({
    imports: [CountersignAuthModule.forRoot({ verifier, guard })],
    controllers: [WhoController],
  })(AppModule);
  const app = await NestFactory.create(AppModule, adapters[platform](), { logger: false });
  app.useWebSocketAdapter(new CountersignWsAdapter(app));
  if (app.get(TokenVerifier) !== verifier) throw new Error('the verifier is not provided');
  await app.listen(0, '127.0.0.1');
  console.log(app.getHttpServer().address().port);
  process.stdin.resume().once('end', async () => {
    await app.close();
    await verifier.close();
  });
}

void main();
