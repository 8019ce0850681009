/** An error that reports all problems of an input at once. */

const shown = 20;

/** All problems of an input, so that they can be fixed at once. */
export class InputProblems extends Error {
  override name = 'InputProblems';
  readonly where: string;
  readonly problems: string[];

  /** @param outcome what did not happen because of them */
  constructor(where: string, problems: string[], outcome = 'nothing was built') {
    const rest = problems.length > shown ? [`and ${problems.length - shown} more`] : [];
    const list = [...problems.slice(0, shown), ...rest].map((problem) => `\n  ${problem}`).join('');
    super(`${where}: ${problems.length === 1 ? 'one problem' : `${problems.length} problems`}, ${outcome}:${list}`);
    this.where = where;
    this.problems = problems;
  }
}
