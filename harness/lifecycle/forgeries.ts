/** Forbidden images of a case, made from the golden image by the image engine. */

import { policyOf } from '../board/index.ts';
import type {
  AttackImage,
  AttackKind,
  ByteSource,
  Expectation,
  ImageFormat,
  Policy,
} from '../image/index.ts';
import type { FirmwareImage } from '../capabilities.ts';
import { NotExecuted } from '../errors.ts';
import type { CaseContext } from './case-context.ts';
import { imageEngine } from './image-engine.ts';
import type { ForbiddenImage } from './ground.ts';
import type { Depth } from './run.ts';

/** Which attacks of some kinds a case takes. */
export interface ForgeryChoice {
  /** Another genuine image, best an older one, for attacks that take parts of one. */
  second?: FirmwareImage;
  /** Only attacks whose id contains one of these words. */
  only?: readonly string[];
  /** None whose id contains one of these words. */
  except?: readonly string[];
  /** Attacks that are tried at every depth, by words of their ids. */
  always?: readonly string[];
  /**
   * Words of the attacks that the case is about: where the format has such and none of them can be made, the case is
   * not executed, whatever else could be offered.
   */
  decisive?: readonly string[];
  /** Also images with which a device may do what it likes, as long as it lives. */
  survivable?: boolean;
}

/** How many attacks of a case are tried, where the format does not name its standard ones. */
const picked: Readonly<Record<Depth, number>> = { smoke: 2, standard: 8, full: Infinity };

/**
 * Attacks of some kinds, in the golden image's format; how many depends on the depth of the run, and what is left out
 * is noted.
 *
 * @throws NotExecuted when nothing of the golden image's format can be made
 */
export function forgeries(
  t: CaseContext,
  kinds: readonly AttackKind[],
  choice: ForgeryChoice = {},
): ForbiddenImage[] {
  const { eachAttack, genuine } = imageEngine();
  const golden = t.image('golden');
  const base = genuine(golden);
  const format = formatFor(t, base.source);
  if (format === undefined) {
    throw new NotExecuted(
      'format-unknown',
      `${golden.name} is of no image format that Fieldproof can alter`,
      {
        hint: 'Try: fieldproof image inspect. Declare update.format: opaque, or offer images altered by the vendor through a suite of your own.',
      },
    );
  }
  const { ids, atMost } = candidates(format, kinds, choice, t.run.depth);
  const offered: ForbiddenImage[] = [];
  const lacking: string[] = [];
  const made: string[] = [];
  let seen = 0;
  for (const each of eachAttack(base, {
    ids,
    seed: Buffer.from(t.run.seed, 'hex'),
    format,
    policy: policyFor(t),
    ...(choice.second === undefined ? {} : { second: genuine(choice.second) }),
    ...(t.run.testKey === undefined ? {} : { testKey: t.run.testKey }),
    trustedKeys: t.run.makersKeys,
  })) {
    seen += 1;
    if ('notApplicable' in each) {
      lacking.push(each.notApplicable);
      t.note(`${each.mutation.id} not tried: ${each.notApplicable}`);
    } else if (!isDecided(expectationOf(each), choice)) {
      t.note(`${each.mutation.id} not tried: ${undecided(each.expectation)}`);
    } else {
      offered.push(asForbidden(t, each, golden));
      made.push(each.mutation.id);
      if (offered.length === atMost) break;
    }
  }
  if (seen < ids.length) t.leaveOut(ids.length - seen);
  mustHaveDecisive(format, ids, made, choice);
  if (offered.length > 0) return offered;
  throw new NotExecuted(
    'no-such-attack',
    `no attack of this case can be made on ${format.title} images${lacking[0] === undefined ? '' : `: ${lacking[0]}`}`,
  );
}

/**
 * Ids in the order in which they are tried, and how many of them. The marked ones come first; the others spread evenly
 * over the format's list, so that few of them still differ much.
 */
function candidates(
  { mutations }: ImageFormat,
  kinds: readonly AttackKind[],
  { only, except = [], always = [] }: ForgeryChoice,
  depth: Depth,
): { ids: readonly string[]; atMost: number } {
  const has = (id: string, words: readonly string[]): boolean => words.some((word) => id.includes(word));
  const all = mutations.filter(
    ({ kind, id }) => kinds.includes(kind) && (only === undefined || has(id, only)) && !has(id, except),
  );
  const first = all.filter(({ id }) => has(id, always));
  const marked = all.filter((each) => each.depth === 'standard' && !first.includes(each));
  const rest = all.filter((each) => !first.includes(each) && !marked.includes(each));
  const ids = [...first, ...spread(marked), ...spread(rest)].map(({ id }) => id);
  const standard = marked.length > 0 ? first.length + marked.length : picked.standard;
  return { ids, atMost: Math.max(first.length, depth === 'standard' ? standard : picked[depth]) };
}

/** First, last, middle, quarters …: each further one halves a gap. */
export function spread<T>(items: readonly T[]): T[] {
  const order = new Set<number>();
  for (let parts = 1; order.size < items.length; parts *= 2) {
    for (let part = 0; part <= parts; part += 1) {
      order.add(Math.round((part * (items.length - 1)) / parts));
    }
  }
  return [...order].flatMap((index) => items[index] ?? []);
}

/** @throws NotExecuted when the attacks that the case is about could not be made */
function mustHaveDecisive(
  format: ImageFormat,
  ids: readonly string[],
  made: readonly string[],
  { decisive }: ForgeryChoice,
): void {
  if (decisive === undefined) return;
  const wanted = ids.filter((id) => decisive.some((word) => id.includes(word)));
  if (wanted.length === 0 || wanted.some((id) => made.includes(id))) return;
  throw new NotExecuted(
    'decisive-attack-missing',
    `${wanted.join(', ')} on ${format.title} images: what the case is about could not be made`,
    {
      hint: 'Ask the vendor for a device that trusts a test key, and add keys.test; or for the special image.',
    },
  );
}

function asForbidden(t: CaseContext, attack: AttackImage, golden: FirmwareImage): ForbiddenImage {
  const { mutation, provenance, name, sha256 } = attack;
  const expectation = expectationOf(attack);
  const text = `made ${name}: seed ${provenance.seed}, SHA-256 ${sha256}`;
  t.run.record.append('note', { text }, { caseId: t.id });
  return {
    image: imageEngine().inMemory(attack),
    alteration: `image ${mutation.name}`,
    rationale: mutation.rationale,
    ...(expectation.class === 'benign-accept' ? { benignAs: golden } : {}),
    // Appended bytes that turn up in what a device measures were loaded; a part moved within the image was not.
    ...(expectation.class === 'benign-accept' && mutation.kind !== 'appended' ? { measuredWhole: true } : {}),
    ...(expectation.class === 'no-crash-only' ? { mayBeTaken: true } : {}),
  };
}

/** The declared format, where only the declaration can tell; else what the content shows. */
export function formatFor(
  { declaration: { update } }: CaseContext,
  golden: ByteSource,
): ImageFormat | undefined {
  const { detachedFormat, formatOf, opaque } = imageEngine();
  if (update?.format === 'opaque') return opaque;
  if (update?.signature !== undefined) return detachedFormat(update.signature);
  return formatOf(golden);
}

/** Only what is known to be refused, or to be harmless, can be offered as forbidden. */
function isDecided({ class: expected }: Expectation, { survivable = false }: ForgeryChoice): boolean {
  if (expected === 'no-crash-only') return survivable;
  return expected === 'must-reject' || expected === 'benign-accept';
}

/**
 * That appended data is refused is not demanded, whatever is declared: the requirement takes either, as long as the
 * executed bytes are the same.
 */
function expectationOf(made: AttackImage): Expectation {
  const { expectation } = made;
  const open = expectation.class === 'policy' && expectation.dependsOn === 'appendedData';
  return open ? { class: 'benign-accept' } : expectation;
}

function undecided(expectation: Expectation): string {
  return expectation.class === 'policy'
    ? `the declaration does not say what it depends on (${expectation.dependsOn})`
    : `a device may take it (${expectation.class})`;
}

/** The declared policy; that appended data is refused is left open, see {@link expectationOf}. */
export function policyFor(t: CaseContext): Policy {
  const { appendedData, ...policy } = policyOf(t.declaration);
  return appendedData === 'ignore' ? { ...policy, appendedData } : policy;
}
