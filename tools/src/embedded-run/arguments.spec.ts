import { parseRunArguments } from './arguments.js';

describe('the command line', () => {
  it('may be empty', () => {
    expect(parseRunArguments([])).toEqual({ portBase: undefined, help: false });
  });

  it('takes a base for the ports', () => {
    expect(parseRunArguments(['--port-base', '4000']).portBase).toBe(4000);
    expect(parseRunArguments(['--port-base=4000']).portBase).toBe(4000);
  });

  it.each(['80', '65500', '-1', '4000.5', '0x1000', 'many', ''])(
    'refuses %p as a base: some port would not exist or be reserved',
    (base) => {
      expect(() => parseRunArguments([`--port-base=${base}`])).toThrow(/from 1024 to 65454/);
    },
  );

  it.each([['--port', '1'], ['here'], ['--port-base']])(
    'answers what it does not know (%s) with all it knows',
    (...args) => {
      expect(() => parseRunArguments(args)).toThrow(/npm start \[-- --port-base N\]/);
    },
  );
});
