"""Every option, its default, its unit and its meaning.

Names, defaults and meanings are those of deep-high-resolution-net.pytorch, UDP-Pose and DarkPose where they have the
option; what they lack is marked NEW. Sizes are (width, height). "crop" is the network's input image.
Options of one network (MODEL.EXTRA) stand in networks/.
"""

from yacs.config import CfgNode


def default_config() -> CfgNode:
    """A fresh, mutable configuration with every option at its default."""
    config = _general()
    config.CUDNN = _cudnn()
    config.MODEL = _model()
    config.LOSS = _loss()
    config.DATASET = _dataset()
    config.SKELETON = _skeleton()
    config.TRAIN = _train()
    config.TEST = _test()
    config.DEBUG = _debug()
    return config


def _general() -> CfgNode:
    node = CfgNode()
    node.OUTPUT_DIR = "output"  # folder of results: OUTPUT_DIR/<dataset>/<model>/<run>
    node.LOG_DIR = "log"  # folder of TensorBoard logs, with the same sub-folders
    node.DATA_DIR = ""  # put before DATASET.ROOT, MODEL.PRETRAINED and TEST.MODEL_FILE, then emptied
    node.RUN_NAME = ""  # NEW: name of the run's folder; '' = the config file's name without its ending
    node.GPUS = (0,)  # informational: how many GPUs the recipe was made for; torchrun decides how many are used
    node.WORKERS = 4  # data loading processes per training process; 0 = load in the training process itself
    node.PRINT_FREQ = 20  # steps between two log lines
    node.AUTO_RESUME = False  # continue from the run folder's checkpoint.pth when there is one
    node.CONTINUE_FROM_BEST = False  # no effect, as in UDP-Pose
    node.MODEL_BEST = ""  # no effect, as in UDP-Pose
    node.PIN_MEMORY = True  # page-locked batches for faster copies to a GPU
    node.RANK = 0  # no effect: torchrun gives each process its rank
    node.SEED = 0  # NEW: seed of weights, sample order and augmentation, >= 0
    node.DEVICE = "auto"  # NEW: auto (a GPU when there is one) | cpu | cuda | cuda:N
    node.AMP = "auto"  # NEW: auto (float32; tests in bf16 where it is faster) | none (float32) | bf16 | fp16 (scaled)
    node.CHANNELS_LAST = True  # NEW: NHWC memory order; same results, faster convolutions
    return node


def _cudnn() -> CfgNode:
    node = CfgNode()
    node.BENCHMARK = True  # try convolution algorithms and keep the fastest
    node.DETERMINISTIC = False  # only deterministic convolution algorithms
    node.ENABLED = True  # use cuDNN at all
    return node


def _model() -> CfgNode:
    node = CfgNode()
    node.NAME = "pose_hrnet"  # network: pose_hrnet | pose_resnet | rsn | hrformer | pose_higher_hrnet (bottom-up)
    node.INIT_WEIGHTS = True  # initialise from PRETRAINED before training
    node.PRETRAINED = ""  # weights to start training from; '' = random
    node.NUM_JOINTS = 17  # keypoints K; must be the number of the skeleton
    node.TAG_PER_JOINT = True  # bottom-up: must be true; no effect otherwise, as published
    node.TARGET_TYPE = "gaussian"  # gaussian (K maps) | offset (3K maps: mask, dx, dy; UDP)
    # NEW: msra | dark | udp | megvii | megvii_udp, or bottom-up, without boxes: ae | ae_udp (associative embedding);
    # '' = by TARGET_TYPE, NAME and BLUR_KERNEL
    node.CODEC = ""
    node.CODEC_VARIANT = "original"  # NEW: whose details: original (the authors' code) | mmpose
    node.WIDE_FUSION = None  # NEW: UDP-Pose's wide last fusion of pose_hrnet; null = only where only UDP-Pose is meant
    # crop (width, height), px, multiples of 32; bottom-up: the square trained on, in tests the pictures' short side
    node.IMAGE_SIZE = [256, 256]
    node.HEATMAP_SIZE = [64, 64]  # heatmap (width, height), px; IMAGE_SIZE / the network's stride; bottom-up: 4
    node.SIGMA = 2.0  # standard deviation of a gaussian target, heatmap px (not of megvii and megvii_udp)
    node.EXTRA = CfgNode(new_allowed=True)  # options of the network NAME, see networks/
    return node


def _loss() -> CfgNode:
    node = CfgNode()
    node.USE_OHKM = False  # mean over each person's TOPK worst keypoints only; rsn: in the last unit of each stage
    node.TOPK = 8  # keypoints kept by USE_OHKM
    node.USE_TARGET_WEIGHT = True  # ignore keypoints that are not visible or not on the map
    node.SMOOTH_L1 = False  # NEW: offset targets: smooth L1 in place of squared errors, UDP-Pose's second offset loss
    node.REDUCTION = "mean"  # no effect: UDP-Pose's L1 loss could sum instead, which its commands never ask for
    node.USE_DIFFERENT_JOINTS_WEIGHT = False  # multiply weights by the skeleton's per-keypoint weights
    node.KPD = 4.0  # radius of the offset target, heatmap px (CODEC_VARIANT mmpose: 0.0546875 * map height instead)
    # Bottom-up only, NEW here; names and defaults of HigherHRNet's experiments.
    node.AE_LOSS_TYPE = "exp"  # what pushes tags of two people apart: exp | max
    node.HEATMAPS_LOSS_FACTOR = 1.0  # factor on the heatmap loss of every output
    node.PUSH_LOSS_FACTOR = 0.001  # factor on the loss that pushes tags of different people apart
    node.PULL_LOSS_FACTOR = 0.001  # factor on the loss that pulls one person's tags together
    return node


def _dataset() -> CfgNode:
    node = CfgNode()
    node.ROOT = ""  # folder with annotations/ and images/
    node.DATASET = "mpii"  # kind of data set: coco | mpii | synthetic
    node.TRAIN_SET = "train"  # name of the training part, e.g. train2017
    node.TEST_SET = "valid"  # name of the part tested on, e.g. val2017, test-dev2017
    node.DATA_FORMAT = "jpg"  # jpg: image files in a folder | zip: the same inside <part>.zip | packed (NEW: training)
    node.CROP_ON = "cpu"  # NEW: where images are decoded and cut: cpu (loading processes) | device (the network's)
    node.SHARDS = "all"  # NEW: packed only: each process reads all shards | own: shards rank, rank + processes, ...
    node.HYBRID_JOINTS_TYPE = ""  # appended to the data set's name in output folders
    node.SELECT_DATA = False  # train only on people whose keypoints fill their box well
    node.SKELETON = "coco"  # NEW: keypoint set: built-in name or YAML file; without it, that of the data set's name
    node.TRAIN_ANNO = ""  # NEW: training annotation file; '' = ROOT/annotations/person_keypoints_<TRAIN_SET>.json
    node.TEST_ANNO = ""  # NEW: test annotation file; '' as above (test sets: image_info_<TEST_SET>.json)
    node.TRAIN_IMAGES = ""  # NEW: folder or zip file of training images; '' = ROOT/images/<TRAIN_SET>
    node.TEST_IMAGES = ""  # NEW: folder or zip file of test images; '' = ROOT/images/<TEST_SET>
    node.MEAN = [0.485, 0.456, 0.406]  # NEW: subtracted from pixels in 0..1, in the stored channel order
    node.STD = [0.229, 0.224, 0.225]  # NEW: then divided by, in the stored channel order
    node.BOX_PADDING = [1.25, 1.25]  # NEW: factors on a box's (width, height) before its short side is extended
    node.AUGMENTATION = "hrnet"  # NEW: whose random changes: hrnet | mmpose | rsn | rsn_mpii; see docs/DATA.md
    node.FLIP = True  # augmentation: mirror with probability 0.5
    node.SCALE_FACTOR = 0.25  # augmentation: box scale *= clip(1 + randn * this, 1 -+ this); rsn: 1 + uniform(-+ this)
    node.ROT_FACTOR = (
        30.0  # augmentation: degrees; clip(randn * this, -+ 2 * this) with probability 0.6; rsn: uniform(-+ this), 0.5
    )
    node.PROB_HALF_BODY = 0.0  # augmentation: probability of showing half a body; <= 0 = never
    node.NUM_JOINTS_HALF_BODY = 8  # ... of people with more visible keypoints than this
    node.UPPER_BODY = []  # NEW: indices of the upper body for half bodies; [] = those of the keypoint set
    node.COLOR_RGB = False  # channel order given to the network: RGB, else BGR
    # Bottom-up only, NEW here; names and defaults of HigherHRNet's experiments. There ROT_FACTOR is uniform(-+ this).
    node.MAX_NUM_PEOPLE = 30  # most people of a picture in targets, and most candidates of each keypoint in tests
    node.MIN_SCALE = 0.75  # augmentation: side of the square seen / side SCALE_TYPE of the picture, at least ...
    node.MAX_SCALE = 1.5  # ... and at most; uniform
    node.SCALE_TYPE = "short"  # which side of the picture: short | long
    node.MASK_BOXES = True  # NEW: a crowd or person without keypoints or segmentation: its box is left out of the loss
    node.FLIP_ON = "output"  # NEW: grid that keypoints of a picture are mirrored on: output (published) | input
    node.MAX_TRANSLATE = 40.0  # augmentation: shift per axis, uniform(-+ this), in 1/200 of the square's side
    return node


def _skeleton() -> CfgNode:
    node = CfgNode()  # NEW: a keypoint set written into the config; used instead of DATASET.SKELETON when it has NAMES
    node.NAME = ""  # how messages and checkpoints call it
    node.NAMES = []  # keypoint names in channel order
    node.FLIP_PAIRS = []  # index pairs that change places in a mirrored image
    node.SIGMAS = []  # OKS constants per keypoint; [] = 0.05 each
    node.WEIGHTS = []  # loss weights per keypoint; [] = 1 each
    node.UPPER_BODY = []  # indices of the upper body, for half-body augmentation
    node.LIMBS = []  # index pairs joined by a line when drawn
    node.FIELDS = []  # [name, count] of annotation entries that hold the keypoints; [] = all in `keypoints`
    node.BOX_AREA = 0.0  # OKS takes this part of the box as a person's area; 0 = the annotations' area
    return node


def _train() -> CfgNode:
    node = CfgNode()
    node.LR_FACTOR = 0.1  # learning rate is multiplied by this ...
    node.LR_STEP = [90, 110]  # ... after each of these epochs
    node.LR_SCHEDULE = "step"  # NEW: step (LR_FACTOR, LR_STEP) | linear (down to 0 at END_EPOCH, or at MAX_ITERS)
    node.LR = 0.001  # learning rate
    node.OPTIMIZER = "adam"  # adam | adamw | muon (NEW: fewer steps to the same loss) | sgd
    node.MOMENTUM = 0.9  # sgd and muon only
    node.WD = 0.0001  # weight decay of sgd, adamw and muon; Adam does without, as published, see ADAM_WD
    node.ADAM_WD = 0.0  # NEW: weight decay (L2) of adam
    node.NO_DECAY = []  # NEW: parameters whose name contains one of these have no weight decay
    node.NESTEROV = False  # sgd only
    node.GAMMA1 = 0.99  # no effect, as published
    node.GAMMA2 = 0.0  # no effect, as published
    node.BEGIN_EPOCH = 0  # first epoch
    node.END_EPOCH = 140  # epoch to stop before; 0 = MAX_ITERS alone decides, as where only MAX_ITERS is given
    node.MAX_ITERS = 0  # NEW: optimiser steps after which training ends, within an epoch too; 0 = END_EPOCH decides
    node.RESUME = False  # no effect, as published: AUTO_RESUME continues a run
    node.CHECKPOINT = ""  # no effect, as published
    node.BATCH_SIZE_PER_GPU = 32  # people per step and process; bottom-up: pictures
    node.SHUFFLE = True  # new order in each epoch
    node.WARMUP_ITERS = 0  # NEW: optimiser steps in which the rate rises linearly to LR
    node.WARMUP_FACTOR = 0.001  # NEW: ... from LR times this
    node.ACCUMULATE = 1  # NEW: batches per optimiser step
    node.CLIP_GRAD = 0.0  # NEW: largest norm of all gradients; 0 = no clipping
    node.EMA_DECAY = 0.0  # NEW: decay per step of averaged weights, e.g. 0.999; 0 = off
    node.SAVE_EVERY_STEPS = 0  # NEW: steps between checkpoints within an epoch; 0 = at the end of each epoch only
    node.EVAL_EVERY = 1  # NEW: epochs between tests on TEST_SET; the last epoch is always tested
    node.COMPILE = False  # NEW: compile the network (torch.compile); minutes at the start, then faster steps
    node.EXPECTED_BATCH = (
        0  # NEW: total batch of the recipe, people; 0 = the file's BATCH_SIZE_PER_GPU * number of GPUS
    )
    return node


def _test() -> CfgNode:
    node = CfgNode()
    node.RUNTIME = "eager"  # NEW: what runs the network: eager | compile | openvino | onnxruntime
    node.BATCH_SIZE_PER_GPU = 32  # people per step and process; bottom-up: pictures
    node.FLIP_TEST = False  # average with the output of the mirrored crop
    node.POST_PROCESS = False  # sub-pixel decoding: the codec's own decoder; False = arg-max
    node.SHIFT_HEATMAP = False  # flip test: shift mirrored maps right by 1 px (msra, and dark as in mmpose)
    # NEW: argmax | quarter | dark | udp | offset | megvii | exact, bottom-up: group; '' = by CODEC and POST_PROCESS
    node.DECODER = ""
    node.BLUR_KERNEL = 0  # DARK: side of the decoder's Gaussian blur, odd, px; 0 = the decoder's published size
    node.NO_RESPONSE = "argmax"  # NEW: point where no map value is > 0: argmax (unrefined) | published
    node.USE_GT_BBOX = False  # boxes from the annotations instead of COCO_BBOX_FILE
    node.IMAGE_THRE = 0.1  # detections with a lower score are left out
    node.NMS_THRE = 0.6  # no effect, as published: OKS_THRE is what counts
    node.SOFT_NMS = False  # soft OKS-NMS
    node.OKS_THRE = 0.5  # OKS above which the lower-scored of two poses is removed; bottom-up: 1 (none) unless given
    node.IN_VIS_THRE = 0.0  # only keypoints with a higher score count in a pose's score
    node.COCO_BBOX_FILE = ""  # detections in COCO's result format, relative to the working folder
    node.METRICS = []  # NEW: what is measured, the first chooses the best weights; [] = by data set (AP for most)
    node.PCK_THRE = 0.2  # NEW: PCK: part of the box's longer side
    node.AUC_PIXELS = 30.0  # NEW: AUC: largest threshold, image px
    node.NME_KEYPOINTS = []  # NEW: NME: two keypoints whose distance is the unit; [] = the box's longer side
    node.BBOX_THRE = 1.0  # no effect, as published
    node.MODEL_FILE = ""  # weights to test; '' = the run's best checkpoint
    # Bottom-up only, NEW here; names of HigherHRNet, defaults of its experiments.
    node.SCALE_FACTOR = [1.0]  # sizes at which a picture is seen, times IMAGE_SIZE; several scales: [2, 1, 0.5]
    node.PROJECT2IMAGE = True  # enlarge maps to the input's size before people are read; False = finest output's size
    node.NMS_KERNEL = 5  # side of the square in which a candidate must be the maximum, odd, px of the read maps
    node.NMS_PADDING = 2  # padding of that square, which must be NMS_KERNEL // 2
    node.DETECTION_THRESHOLD = 0.1  # candidates with a lower score are left out
    node.TAG_THRESHOLD = 1.0  # largest distance of a candidate's tag from its person's mean
    node.USE_DETECTION_VAL = True  # assign by rounded tag distance, then by score; False = by distance alone
    node.IGNORE_TOO_MUCH = False  # once there are MAX_NUM_PEOPLE pass over further keypoints; mmpose: drop later people
    node.ADJUST = True  # sub-pixel points: a quarter towards the larger neighbour (ae), DARK (ae_udp)
    node.REFINE = True  # look for a person's missing keypoints by its tag
    return node


def _debug() -> CfgNode:
    node = CfgNode()
    node.DEBUG = False  # save the pictures chosen below every PRINT_FREQ steps
    node.SAVE_BATCH_IMAGES_GT = False  # crops with true keypoints
    node.SAVE_BATCH_IMAGES_PRED = False  # crops with predicted keypoints
    node.SAVE_HEATMAPS_GT = False  # target heatmaps
    node.SAVE_HEATMAPS_PRED = False  # predicted heatmaps
    return node
