/** What the catalogue says of a case, handed in by the command line: reports read no catalogue themselves. */

export interface CaseDescription {
  /** Finishes the sentence "the device …". */
  title: string;
  suite: string;
  /** Critical, high or medium. */
  severity: 'C' | 'H' | 'M';
  /** Ids of requirements. */
  requirements: readonly string[];
  /** Ids of the claims of a standard to which those requirements go back. */
  claims: readonly string[];
  /** Where the case comes from: document, edition, clause. */
  source: string;
}

/** @returns undefined for a case that the catalogue does not know */
export type DescribeCase = (id: string) => CaseDescription | undefined;
