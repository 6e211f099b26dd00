/**
 * A process of its own for tests of what node-opcua does to one: opens a wire, may use it, closes it, and reports
 * what it saw as one line of JSON. Arguments: port, state folder, number of reads.
 */

import dns from 'node:dns';
import { testContext } from '../../driver-contract.ts';
import { module } from '../index.ts';
import { opcUaIsLoaded } from '../library.ts';
import { settingsSchema } from '../settings.ts';

const [port = '', stateDir = '', reads = '0'] = process.argv.slice(2);
const lookups: string[] = [];
const realLookup = dns.lookup;
dns.lookup = ((name: string, ...rest: never[]) => {
  lookups.push(name);
  return (realLookup as (...args: unknown[]) => unknown)(name, ...rest);
}) as unknown as typeof realLookup;

const { context } = testContext({ stateDir });
const settings = settingsSchema.parse({ port: Number(port), securityMode: 'Sign', replyWithinMs: 3000 });
const driver = module.create(settings, context);
await driver.open();
for (let count = 0; count < Number(reads); count += 1) await driver.nodes?.read('i=2255');
const loaded = opcUaIsLoaded();
await driver.close();
const timers = process.getActiveResourcesInfo().filter((kind) => /Timeout|TCP|Immediate/.test(kind));
const opensslConfiguration = process.env['OPENSSL_CONF'] ?? null;
process.stdout.write(`${JSON.stringify({ loaded, timers, lookups, opensslConfiguration })}\n`);
