// Writes docs/configuration.md and docs/commands.md from the built code. With --check it writes nothing, and fails where they differ.
import { readFile, writeFile } from 'node:fs/promises';
import { format, resolveConfig } from 'prettier';
import { z } from 'zod';

const root = new URL('../', import.meta.url);
const built = (path) => import(new URL(path, root));

const pages = {
  'docs/configuration.md': await configurationPage(),
  'docs/commands.md': await commandsPage(),
};
const isCheck = process.argv.includes('--check');
for (const [name, text] of Object.entries(pages)) {
  const file = new URL(name, root);
  const options = { ...(await resolveConfig(file)), parser: 'markdown' };
  const formatted = await format(text, options);
  if (!isCheck) await writeFile(file, formatted);
  else if ((await readFile(file, 'utf8').catch(() => '')) !== formatted) {
    console.error(`${name} is not what the code says: run "npm run docs"`);
    process.exitCode = 1;
  }
}

async function configurationPage() {
  const apps = ['identity', 'orders', 'payments', 'gateway'];
  const sections = await Promise.all(
    apps.map(async (app) => {
      const { settings } = await built(`apps/${app}/dist/config/${app}-config.js`);
      const { properties, required = [] } = z.toJSONSchema(settings, {
        io: 'input',
        unrepresentable: 'any',
      });
      const rows = Object.entries(properties).map(([name, schema]) => {
        if (!schema.description) throw new Error(`${app}: ${name} is not described`);
        const needed = required.includes(name) ? 'required' : defaultOf(schema);
        return `| \`${name}\` | ${needed} | ${valuesOf(schema)} | ${schema.description} |`;
      });
      return `## ${app}\n\n| Variable | Default | Values | What it is for |\n| --- | --- | --- | --- |\n${rows.join('\n')}\n`;
    }),
  );
  return `# Configuration

Every process reads its settings from environment variables, once, at its start. A fault stops the start. All values that are not
valid are named at once; what does not hold between settings is named when each of them is valid. An empty variable counts as absent. A setting that ends in \`_FILE\` names a file, so that no secret is in the environment. This page is
made from the schemas in \`config/\` (\`npm run docs\`), and the tests hold it to them.

What a production identity needs besides what is required below: \`MASTER_KEY_FILE\`, \`SMTP_URL\` with \`MAIL_FROM\` (or
\`MAIL_DIR\`), \`BIND_HOST\` for others to reach it, \`TRUSTED_PROXIES\` for the addresses that limits count behind a gateway, \`TLS_CERTIFICATE_FILE\` and
\`TLS_KEY_FILE\` unless something else encrypts the way to it, \`REDIS_URL\` for counting with other replicas, and
\`TRUSTED_ORIGINS\` for front ends of other origins. [Deploy](operations/deploy.md) says how they come together.

${sections.join('\n')}`;
}

function defaultOf(schema) {
  if (schema.defaultFrom) return schema.defaultFrom;
  if (schema.default === undefined || schema.default === '') return '';
  return `\`${String(schema.default)}\``;
}

function valuesOf({ enum: values, type, minimum, maximum, format: kind, pattern }) {
  if (values) return values.map((value) => `\`${value}\``).join(', ');
  if (type === 'integer') return `${String(minimum)} to ${String(maximum)}`;
  if (kind === 'uri') return 'a URL';
  if (pattern) return 'number/number';
  return 'text';
}

async function commandsPage() {
  const { createProgram } = await built('apps/identity/dist/cli/program.js');
  const { CliContext } = await built('apps/identity/dist/cli/cli-context.js');
  const { EXIT_CODES_HELP } = await built('apps/identity/dist/cli/cli-failure.js');
  const { OPERATOR_ACCESS_HELP } = await built('apps/identity/dist/cli/operator-access.js');
  const program = createProgram(new CliContext({}));
  const leaves = [];
  const collect = (command) => {
    if (command.commands.length === 0) leaves.push(command);
    else command.commands.forEach(collect);
  };
  collect(program);
  const nameOf = (command) =>
    command.parent ? `${nameOf(command.parent)} ${command.name()}` : command.name();
  const rows = leaves.map((command) => {
    const given = command.registeredArguments.map((one) =>
      one.required ? `<${one.name()}>` : `[${one.name()}]`,
    );
    const options = command.options.map((one) => `\`${one.flags}\``).join(', ');
    const line = [nameOf(command), ...given].join(' ').replaceAll('|', '\\|');
    return `| \`${line}\` | ${command.description()} | ${options.replaceAll('|', '\\|')} |`;
  });
  return `# Commands

\`countersign <command> --help\` tells each with examples. \`--json\` prints any result, and any error, as JSON. This page is made from the
command line itself (\`npm run docs\`), and the tests hold it to that.

| Command | What it does | Options |
| --- | --- | --- |
${rows.join('\n')}

\`\`\`
${OPERATOR_ACCESS_HELP.trim()}

${EXIT_CODES_HELP.trim()}
\`\`\`
`;
}
