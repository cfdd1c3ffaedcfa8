"""The commands of the command line: each module adds its parser and runs it. Heavy imports happen in the running."""

from madeof.commands import combine, demo, evaluate, export, import_weights, predict, train

COMMANDS = (
    predict.add_parser,
    train.add_parser,
    evaluate.add_parser,
    import_weights.add_parser,
    combine.add_parser,
    export.add_parser,
    demo.add_parser,
)
