/** Loggers: where a run's numbers, pictures and texts go besides its own folder. */
export { CSVLogger } from './csv/csv-logger.ts';
export { type Hyperparameter, hyperparametersOf } from './hyperparameters.ts';
export { registeredLoggers, registerLogger } from './registered.ts';
export { TensorBoardLogger } from './tensorboard/tensorboard-logger.ts';
