"""How near drawn pictures come to the true ones: PSNR, SSIM, MAE, MSE, RMSE and NCC, as torchmetrics computes them."""

from __future__ import annotations

import torch
from torch import Tensor

NAMES = ("psnr_db", "ssim", "mae", "mse", "rmse", "ncc")


def picture_scores(drawn: Tensor, true: Tensor) -> dict[str, Tensor]:
    """Each score of each picture; their means are what is reported.

    SSIM takes a Gaussian window of 11 pixels with a deviation of 1.5. NCC is the correlation of the pixels, 0 where
    one of the pictures is the same grey all over. PSNR of a perfect picture is infinite.

    Args:
        drawn: ``(B, C, H, W)`` in 0..1, at least 11 pixels a side.
        true: Likewise.

    Returns:
        ``(B,)`` float32 for ``psnr_db``, ``ssim``, ``mae``, ``mse``, ``rmse`` and ``ncc``.

    Raises:
        ValueError: shapes that differ, or values outside 0..1.
    """
    if drawn.shape != true.shape or drawn.ndim != 4 or not len(drawn):
        raise ValueError(f"picture_scores: need two (B, C, H, W) of one shape, got {tuple(drawn.shape)} and "
                         f"{tuple(true.shape)}")
    for name, pictures in (("drawn", drawn), ("true", true)):
        if not (pictures.min() >= 0 and pictures.max() <= 1):
            raise ValueError(f"picture_scores: {name} must be in 0..1, is in {pictures.min():g}..{pictures.max():g}")
    from torchmetrics.functional import mean_absolute_error, mean_squared_error, pearson_corrcoef
    from torchmetrics.functional.image import peak_signal_noise_ratio, structural_similarity_index_measure

    drawn, true = drawn.float(), true.float()
    flat = [pictures.flatten(1) for pictures in (drawn, true)]
    columns = [pictures.T.contiguous() for pictures in flat]  # (pixels, B): one output a picture
    mse = mean_squared_error(*columns, num_outputs=len(drawn)).reshape(-1)
    mae = mean_absolute_error(*columns, num_outputs=len(drawn)).reshape(-1)
    psnr = peak_signal_noise_ratio(drawn, true, data_range=(0.0, 1.0), reduction="none", dim=(1, 2, 3))
    ssim = structural_similarity_index_measure(drawn, true, gaussian_kernel=True, sigma=1.5, kernel_size=11,
                                               reduction="none", data_range=1.0)
    varied = torch.stack([pictures.amax(1) - pictures.amin(1) for pictures in flat]).amin(0) > 1e-6
    ncc = torch.zeros(len(drawn), device=drawn.device)
    if varied.any():
        ncc[varied] = pearson_corrcoef(*(pictures[varied].T.double() for pictures in flat)).float().reshape(-1)
    return {"psnr_db": psnr.reshape(-1), "ssim": ssim.reshape(-1), "mae": mae, "mse": mse,
            "rmse": mse.sqrt(), "ncc": ncc}
