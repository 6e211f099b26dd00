import assert from 'node:assert/strict';
import { createHash } from 'node:crypto';
import { readFileSync } from 'node:fs';
import { afterEach, describe, it } from 'mocha';
import type { FirmwareImage } from '../capabilities.ts';
import { readPublicKeys } from '../image/crypto/public-key.ts';
import type { PublicKey } from '../image/trust.ts';
import { setCurrentRun } from './run.ts';
import { fakeRun, image, judged } from './test/fake-run.ts';
import { vendorImage } from './vendor-image.ts';

const keyFile = (name: string): PublicKey[] =>
  readPublicKeys(readFileSync(new URL(`../../boards/simulated/keys/${name}`, import.meta.url)), name);
const makers = keyFile('makers-public.pem');

const altered = (of: FirmwareImage): FirmwareImage => {
  const bytes = Uint8Array.from(of.bytes);
  bytes[4096] = (bytes[4096] ?? 0) ^ 1;
  return { name: of.name, bytes, sha256: createHash('sha256').update(bytes).digest('hex') };
};

describe('a special image of the vendor’s', () => {
  afterEach(() => setCurrentRun(undefined));

  /** Verdict of a case that does no more than ask for the image. */
  const asked = async (
    as: FirmwareImage,
    { role = 'older', keys = makers, format }: { role?: string; keys?: PublicKey[]; format?: 'opaque' } = {},
  ) => {
    const run = fakeRun();
    const update = { ...run.declaration.update!, ...(format === undefined ? {} : { format }) };
    Object.assign(run, { makersKeys: keys, declaration: { ...run.declaration, update } });
    (run.images as Map<string, FirmwareImage>).set(role, as);
    const { verdict, reason } = await judged(run, async (t) => void vendorImage(t, role));
    return `${verdict}: ${reason}`;
  };

  it('is offered when it is what its role demands, by the maker’s own signature', async () => {
    assert.equal(await asked(image('older')), 'conforms: as required');
    assert.equal(await asked(image('newer'), { role: 'newer' }), 'conforms: as required');
  });
  it('is not when it is not what its role demands', async () => {
    assert.match(
      await asked({ ...image('pair'), name: 'older' }),
      /^not-executed: images\.older: older is not what its role demands: it has version 1\.2\.1\+0, counter 5.*golden has version 1\.2\.0\+0, counter 5.*demands a lower version/s,
    );
  });
  it('is not when it is not authentic: it would be refused for that alone', async () => {
    assert.match(
      await asked(altered(image('older'))),
      /^not-executed: images\.older: older is not authentic by keys\.maker: digest: /,
    );
  });
  it('is offered with a note where there are no keys', async () => {
    assert.equal(
      await asked(image('older'), { keys: [] }),
      'conforms: whether older is authentic was not checked: no keys.maker on the board',
    );
  });
  it('is offered with a note where the keys do not even verify golden', async () => {
    assert.match(
      await asked(image('older'), { keys: keyFile('public-test-key-ed25519.pub.pem') }),
      /^conforms: whether older is authentic was not checked: by keys\.maker, golden is none itself/,
    );
  });
  it('is offered with notes where its format tells nothing', async () => {
    assert.match(
      await asked(altered(image('older')), { format: 'opaque' }),
      /^conforms: whether older is what it is to be was not checked: .*; whether older is authentic was not checked: nothing is known of its format/,
    );
  });
  it('is offered with a note where it is malformed by its role', async () => {
    assert.match(await asked(image('newer'), { role: 'bomb' }), /^conforms: .*whoever signed it/);
  });
});
