"""The defaults are the published ones, and nothing the published trees have is missing."""

from lib.config import default_config, flat_items

# Every option of lib/config/default.py of HRNet, UDP-Pose and DarkPose, with its default there.
PUBLISHED = {
    "DATA_DIR": "",
    "GPUS": (0,),
    "WORKERS": 4,
    "PRINT_FREQ": 20,
    "AUTO_RESUME": False,
    "CONTINUE_FROM_BEST": False,
    "MODEL_BEST": "",
    "PIN_MEMORY": True,
    "RANK": 0,
    "CUDNN.BENCHMARK": True,
    "CUDNN.DETERMINISTIC": False,
    "CUDNN.ENABLED": True,
    "MODEL.NAME": "pose_hrnet",
    "MODEL.INIT_WEIGHTS": True,
    "MODEL.PRETRAINED": "",
    "MODEL.NUM_JOINTS": 17,
    "MODEL.TAG_PER_JOINT": True,
    "MODEL.TARGET_TYPE": "gaussian",
    "MODEL.IMAGE_SIZE": [256, 256],
    "MODEL.HEATMAP_SIZE": [64, 64],
    "MODEL.SIGMA": 2,
    "LOSS.USE_OHKM": False,
    "LOSS.TOPK": 8,
    "LOSS.USE_TARGET_WEIGHT": True,
    "LOSS.REDUCTION": "mean",
    "LOSS.USE_DIFFERENT_JOINTS_WEIGHT": False,
    "LOSS.KPD": 4.0,
    "DATASET.ROOT": "",
    "DATASET.DATASET": "mpii",
    "DATASET.TRAIN_SET": "train",
    "DATASET.TEST_SET": "valid",
    "DATASET.DATA_FORMAT": "jpg",
    "DATASET.HYBRID_JOINTS_TYPE": "",
    "DATASET.SELECT_DATA": False,
    "DATASET.FLIP": True,
    "DATASET.SCALE_FACTOR": 0.25,
    "DATASET.ROT_FACTOR": 30,
    "DATASET.PROB_HALF_BODY": 0.0,
    "DATASET.NUM_JOINTS_HALF_BODY": 8,
    "DATASET.COLOR_RGB": False,
    "TRAIN.LR_FACTOR": 0.1,
    "TRAIN.LR_STEP": [90, 110],
    "TRAIN.LR": 0.001,
    "TRAIN.OPTIMIZER": "adam",
    "TRAIN.MOMENTUM": 0.9,
    "TRAIN.WD": 0.0001,
    "TRAIN.NESTEROV": False,
    "TRAIN.GAMMA1": 0.99,
    "TRAIN.GAMMA2": 0.0,
    "TRAIN.BEGIN_EPOCH": 0,
    "TRAIN.END_EPOCH": 140,
    "TRAIN.RESUME": False,
    "TRAIN.CHECKPOINT": "",
    "TRAIN.BATCH_SIZE_PER_GPU": 32,
    "TRAIN.SHUFFLE": True,
    "TEST.BATCH_SIZE_PER_GPU": 32,
    "TEST.FLIP_TEST": False,
    "TEST.POST_PROCESS": False,
    "TEST.SHIFT_HEATMAP": False,
    "TEST.USE_GT_BBOX": False,
    "TEST.IMAGE_THRE": 0.1,
    "TEST.NMS_THRE": 0.6,
    "TEST.SOFT_NMS": False,
    "TEST.OKS_THRE": 0.5,
    "TEST.IN_VIS_THRE": 0.0,
    "TEST.COCO_BBOX_FILE": "",
    "TEST.BBOX_THRE": 1.0,
    "TEST.MODEL_FILE": "",
    "DEBUG.DEBUG": False,
    "DEBUG.SAVE_BATCH_IMAGES_GT": False,
    "DEBUG.SAVE_BATCH_IMAGES_PRED": False,
    "DEBUG.SAVE_HEATMAPS_GT": False,
    "DEBUG.SAVE_HEATMAPS_PRED": False,
}


def test_published_defaults() -> None:
    ours = dict(flat_items(default_config()))
    assert {key: ours.get(key, "missing") for key in PUBLISHED} == PUBLISHED


def test_each_call_gives_a_fresh_configuration() -> None:
    first, second = default_config(), default_config()
    first.MODEL.IMAGE_SIZE[0] = 1
    assert second.MODEL.IMAGE_SIZE == [256, 256]
