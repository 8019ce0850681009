/** Names that other programs use for settings, for suggestions when a user types one of them. */

const synonyms: Readonly<Record<string, string>> = {
  learningrate: 'optimizer.lr',
  baselr: 'optimizer.lr',
  maxlr: 'optimizer.lr',
  wd: 'optimizer.weightDecay',
  beta1: 'optimizer.betas',
  beta2: 'optimizer.betas',
  epsilon: 'optimizer.eps',
  opt: 'optimizer.kind',
  optim: 'optimizer.kind',
  scheduler: 'schedule.kind',
  lrscheduler: 'schedule.kind',
  lrschedule: 'schedule.kind',
  warmup: 'schedule.warmupSteps',
  numwarmupsteps: 'schedule.warmupSteps',
  warmupiters: 'schedule.warmupSteps',
  minimumlr: 'schedule.minLr',
  etamin: 'schedule.minLr',
  numepochs: 'training.epochs',
  numtrainepochs: 'training.epochs',
  maxepochs: 'training.epochs',
  bs: 'training.batchSize',
  perdevicetrainbatchsize: 'training.batchSize',
  trainbatchsize: 'training.batchSize',
  gradaccum: 'training.accumulate',
  accumfreq: 'training.accumulate',
  accumulation: 'training.accumulate',
  accumulationsteps: 'training.accumulate',
  gradaccumsteps: 'training.accumulate',
  gradientaccumulation: 'training.accumulate',
  gradientaccumulationsteps: 'training.accumulate',
  accumulategradbatches: 'training.accumulate',
  clipgrad: 'training.clipGradNorm',
  gradclip: 'training.clipGradNorm',
  gradclipnorm: 'training.clipGradNorm',
  maxgradnorm: 'training.clipGradNorm',
  gradientclipval: 'training.clipGradNorm',
  amp: 'training.precision.kind',
  fp16: 'training.precision.kind',
  bf16: 'training.precision.kind',
  dtype: 'training.precision.kind',
  mixedprecision: 'training.precision.kind',
  initscale: 'training.precision.lossScale',
  numworkers: 'data.workers',
  dataloadernumworkers: 'data.workers',
  datadir: 'data.dataset',
  datapath: 'data.dataset',
  traindata: 'data.dataset',
  augment: 'data.augmentation',
  aug: 'data.augmentation',
  depth: 'model.vision.layers',
  numlayers: 'model.vision.layers',
  numhiddenlayers: 'model.vision.layers',
  numheads: 'model.vision.heads',
  numattentionheads: 'model.vision.heads',
  hiddensize: 'model.vision.width',
  embeddim: 'model.embedDim',
  projectiondim: 'model.embedDim',
  imgsize: 'model.vision.imageSize',
  resolution: 'model.vision.imageSize',
  droppathrate: 'model.vision.dropPath',
  stochasticdepth: 'model.vision.dropPath',
  vocabsize: 'tokenizer.vocabularySize',
  maxlength: 'model.text.contextLength',
  seqlen: 'model.text.contextLength',
  smoothing: 'loss.labelSmoothing',
  temperature: 'loss.initialLogitScale',
  logitscale: 'loss.initialLogitScale',
  device: 'runtime.backend',
  numthreads: 'runtime.threads',
  randomseed: 'seed',
  manualseed: 'seed',
  runname: 'name',
  expname: 'name',
  savefreq: 'checkpoints.everyEpochs',
  saveevery: 'checkpoints.everyEpochs',
  savesteps: 'checkpoints.everySteps',
  savetotallimit: 'checkpoints.keep',
  valfreq: 'evaluation.everyEpochs',
  evalevery: 'evaluation.everyEpochs',
  evalinterval: 'evaluation.everyEpochs',
  evalbatchsize: 'evaluation.batchSize',
};

/** A name without differences of spelling: the same for learning_rate, learning-rate and learningRate. */
const plain = (name: string): string => name.replaceAll(/[^a-zA-Z0-9]/g, '').toLowerCase();

/**
 * The setting that a name means in other programs, or in another spelling or section: `batch_size`, `lr`, `grad_accum`.
 *
 * @param keys the settings of the task; other settings are not suggested
 */
export function settingMeantBy(name: string, keys: readonly string[]): string | undefined {
  const last = plain(name.split('.').at(-1) ?? name);
  const lastOf = (key: string): string => plain(key.split('.').at(-1) ?? key);
  const spelled = keys.filter((key) => lastOf(key) === last);
  const synonym = synonyms[last];
  return spelled[0] ?? (synonym !== undefined && keys.includes(synonym) ? synonym : undefined);
}
