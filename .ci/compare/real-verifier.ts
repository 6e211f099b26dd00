/** A verifier that nobody here wrote, and how its word is got. One file under tools/ for each. */

import type { ImageFormat } from '../../harness/image/format.ts';
import type { Policy } from '../../harness/image/policy.ts';
import type { PublicKey, TestKey } from '../../harness/image/trust.ts';

export interface Outcome {
  /** `crashes`: killed by a signal, or endless. */
  verdict: 'accepts' | 'refuses' | 'crashes';
  /** What it printed, for whoever reads a disagreement. */
  log: string;
}

/** A genuine image, made by the format's own tools. */
export interface RealImage {
  /** `RSA-2048 PSS, verity` */
  name: string;
  path: string;
  /** Another genuine one, older. */
  secondPath?: string;
  keys: readonly PublicKey[];
  testKey?: TestKey;
  /** How the verifier below is set up. */
  policy: Policy;
  /** The format, where the content does not tell. */
  format?: ImageFormat;
  /** Asks the real verifier, trusting the same keys. The state that it leaves behind decides, not its exit code alone. */
  ask(path: string): Outcome | Promise<Outcome>;
}

export interface RealVerifier {
  /** `fit_check_sign` */
  name: string;
  /** Debian packages that hold it. */
  packages: readonly string[];
  /** Not in its packages, but built from their source: where that cannot be had, its absence is told, and no failure. */
  built?: true;
  /** Version, or undefined when it is not installed. */
  version(): string | undefined;
  /** Makes genuine images in an empty folder. */
  images(folder: string): Promise<readonly RealImage[]> | readonly RealImage[];
}
