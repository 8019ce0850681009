/** An error that reports all problems of an input at once. */

const shown = 20;

/** All problems of an input, so that they can be fixed at once. */
export class InputProblems extends Error {
  override name = 'InputProblems';
  readonly problems: string[];
  constructor(where: string, problems: string[]) {
    const rest = problems.length > shown ? [`and ${problems.length - shown} more`] : [];
    const list = [...problems.slice(0, shown), ...rest].map((problem) => `\n  ${problem}`).join('');
    super(
      `${where}: ${problems.length === 1 ? 'one problem' : `${problems.length} problems`}, nothing was built:${list}`,
    );
    this.problems = problems;
  }
}
